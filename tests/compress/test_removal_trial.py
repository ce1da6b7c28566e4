"""A trial passes a right cut and tells a wrong one, behind norms that mix channels too."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from prunable_nets import made

from edgemed.compress.history import History
from edgemed.compress.layer_widths import layer_widths
from edgemed.compress.prune import prune
from edgemed.compress.removal_trial import RemovalTrial
from edgemed.types import PruneSpec


@pytest.mark.parametrize(
    "name",
    ["flatten", "grouped", "squeeze-excite", "unet", "3d", "group norm", "instance norm", "qkv", "encoder"],
)
def test_a_cut_one_place_off_is_told_in_every_layer(name: str) -> None:
    net, inputs = made(name, 3)
    _, history = prune(copy.deepcopy(net), inputs, PruneSpec(ratio=0.5))
    trial = RemovalTrial(net, inputs)
    assert trial.problem(history) == ""
    widths = layer_widths(net)
    wrong = 0
    for index, cut in enumerate(history.cuts):
        if cut.side != "in" or cut.target not in widths:
            continue
        width = widths[cut.target].inputs
        moved = replace(cut, removed=tuple(sorted((place + 1) % width for place in cut.removed)))
        if moved.removed == cut.removed:
            continue
        cuts = (*history.cuts[:index], moved, *history.cuts[index + 1 :])
        assert trial.problem(History(cuts, history.settings)), cut.target
        wrong += 1
    assert wrong
