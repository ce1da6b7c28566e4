"""prune: takes channels and attention heads out of a torch module, and computes the same without them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgemed.compress.attention_heads import split_all
from edgemed.compress.channel_axes import apply_history
from edgemed.compress.history import History
from edgemed.compress.layer_widths import head_changes, layer_changes, layer_widths
from edgemed.compress.plain_weights import check_plain_weights, make_weights_plain
from edgemed.compress.prune_plan import GroupRemoval, merged, plan_pruning
from edgemed.compress.removal_trial import RemovalTrial
from edgemed.errors import BadInput
from edgemed.types import LeftAlone, PruneSpec, Pruning

if TYPE_CHECKING:
    from torch import Tensor, nn

_UNTRACED = "no gradient leads from an output to it"
_SHOWN = 5
"""Layers that a message names."""


def prune(module: nn.Module, example: Mapping[str, Tensor], spec: PruneSpec) -> tuple[Pruning, History]:
    """Take the least important channels out of `module`, in place; it is left in eval mode.

    `example`: inputs of 2 or more samples by the names of forward's parameters. Each layer loses its ratio,
    rounded to `spec.round_to`, of the channels with the smallest squared weights; an attention loses whole
    heads; layers whose channels are added or multiplied lose the same ones. A removal counts only if the cut
    net answers as the whole net does with these channels set to zero; else its layers are left alone.
    Weights that are computed at each call become plain ones.
    Raises `BadInput` where a ratio empties a layer, an entry names none, or nothing can be removed.
    """
    module.eval()
    check_plain_weights(module, example)
    trial = RemovalTrial(module, example)
    split = copy.deepcopy(module)
    split_all(split)
    if trial.split_problem(split):
        split = copy.deepcopy(module)
    plan = plan_pruning(split, example, spec)
    accepted, refused = _tried(trial, plan.removals)
    for removal, reason in refused:
        plan.leave(removal.layers, reason)
    if not accepted:
        traced = bool(plan.reasons)
        plan.leave(list(layer_widths(module)), _UNTRACED)
        named = [f"{name}: {reason}" for name, reason in plan.reasons.items()]
        more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        raise BadInput(
            "no layer can be pruned",
            where="; ".join(named[:_SHOWN]) + more,
            remedy="leave prune out, or give another ratio or a smaller prune.round_to"
            if traced
            else "take torch.no_grad() or inference_mode() out of the model's forward",
        )
    history = merged([way for _, way in accepted])
    before, parameters, macs = layer_widths(module), _parameters(module), count_macs(module, example)
    apply_history(module, history)
    attentions = [removal.heads for removal, _ in accepted if removal.heads is not None]
    changes = (*head_changes(attentions, module), *layer_changes(before, module))
    fewer = {change.name for change in changes if change.outputs_after < change.outputs_before}
    left_alone = tuple(
        LeftAlone(name, plan.reasons.get(name, _UNTRACED)) for name in before if name not in fewer
    )
    after = _parameters(module), count_macs(module, example)
    return Pruning(changes, left_alone, parameters, after[0], macs, after[1]), history


def replay(module: nn.Module, history: History) -> None:
    """Take the same channels out of `module`, in place: the unpruned module that `history` was made for."""
    make_weights_plain(module)
    apply_history(module, history)


def count_macs(module: nn.Module, example: Mapping[str, Tensor]) -> int:
    """Multiply-adds of one sample in convolutions, matrix products and attention."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter, fused = FlopCounterMode(display=False), torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # whose one operation for a layer is not counted
    try:
        with torch.no_grad(), counter:
            module(**{name: value[:1] for name, value in example.items()})
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() // 2


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _tried(
    trial: RemovalTrial, removals: list[GroupRemoval]
) -> tuple[list[tuple[GroupRemoval, History]], list[tuple[GroupRemoval, str]]]:
    """Removals that hold together, each with its way, and the others with the reason.

    All are tried at once, then halves of those that fail: few of many are found in few trials.
    """
    accepted: list[tuple[GroupRemoval, History]] = []
    refused: list[tuple[GroupRemoval, str]] = []

    def settle(waiting: list[GroupRemoval]) -> None:
        if not waiting:
            return
        problems = []
        for choice in range(max(len(removal.ways) for removal in waiting)):
            chosen = [(removal, removal.ways[min(choice, len(removal.ways) - 1)]) for removal in waiting]
            problem = trial.problem(merged([way for _, way in (*accepted, *chosen)]))
            if not problem:
                accepted.extend(chosen)
                return
            problems.append(problem)
        if len(waiting) == 1:
            refused.append((waiting[0], problems[0]))
            return
        half = len(waiting) // 2
        settle(waiting[:half])
        settle(waiting[half:])

    settle(removals)
    return accepted, refused
