"""Stages `prune`, `recover` and `pruned-graph`: what each is made anew for, and what ships of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.stages.data import check_data
from edgemed.stages.forms import make_forms
from edgemed.stages.graph import make_graph
from edgemed.stages.inputs import fit_inputs
from edgemed.stages.job import Job
from edgemed.stages.labels import check_labels
from edgemed.stages.pruning import Pruned, make_pruned, remove_channels, stamps_of
from edgemed.types import (
    DataSpec,
    InputRecipe,
    JudgeSpec,
    ModelSpec,
    OutputRecipe,
    PruneSpec,
    QuantiseSpec,
    Recipe,
)

pytestmark = pytest.mark.slow

NET = """
import warnings

import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv1d(2, 16, 5), nn.Conv1d(16, 32, 5)
        self.left, self.right, self.head = nn.Linear(32, 16), nn.Linear(32, 16), nn.Linear(32, 2)
        self.right.weight = self.left.weight
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nn.utils.weight_norm(self.second)

    def forward(self, signal):
        x = torch.relu(self.second(torch.relu(self.first(signal)))).mean(2)
        return self.head(torch.cat((torch.relu(self.left(x)), torch.relu(self.right(-x))), 1))

def build():
    return Net()
"""
SPEC = PruneSpec(ratio=0.5, epochs=4, batch=8, budget_min=10.0)
LABELS = np.arange(40) % 2


@dataclass(frozen=True)
class Site:
    folder: Path

    def job(self, spec: PruneSpec, **fields: Any) -> Job:
        recipe = Recipe(
            ModelSpec("net.py:build", "net.pt"),
            data=DataSpec(calibrate="cal.npz"),
            inputs={"signal": InputRecipe("float32", (2, 32), "CL")},
            outputs={"output": OutputRecipe(ending="logits")},
            prune=spec,
            **fields,
        )
        return Job(recipe, self.folder, self.folder / "out")

    def compile(self, spec: PruneSpec) -> tuple[Pruned | None, dict[str, bool]]:
        """As the pipeline does up to the pruned graph; and, of each stage, whether it was cached."""
        job = self.job(spec)
        inputs = fit_inputs(job)
        removal = remove_channels(job, inputs)
        sets, data, _ = check_data(job, inputs.raw)
        graph, model, _ = make_graph(job, inputs, sets.get("calibrate"))
        sets, _, _ = check_labels(sets, data, graph.outputs, learnt=spec.use_labels, judge=JudgeSpec())
        pruned = make_pruned(job, inputs, removal, graph, model, sets.get("calibrate"))
        return pruned, {time.name: time.cached for time in job.times if time.name != "data"}

    @property
    def checkpoints(self) -> list[Path]:
        return list((self.folder / "out/.cache").glob("recovery-*"))

    def label(self, labels: np.ndarray, *, blank: int = 0, huge: slice = slice(0)) -> None:
        """Rewrite the set: size and time of the file stay. The first `blank` samples are 0, `huge` are."""
        path = self.folder / "cal.npz"
        before = path.stat() if path.exists() else None
        x = np.random.default_rng(0).standard_normal((len(labels), 2, 32)).astype(np.float32)
        x[:blank] = 0.0
        x[huge] *= 1e25
        np.savez(path, x=x, y=labels)
        if before is not None:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A net with a weight norm and a weight that two layers share, compiled without `--prune`."""
    import torch

    folder = tmp_path_factory.mktemp("site")
    (folder / "net.py").write_text(NET)
    space: dict = {}
    exec(NET, space)
    torch.manual_seed(0)
    torch.save(space["build"]().state_dict(), folder / "net.pt")
    made = Site(folder)
    made.label(LABELS)
    assert made.compile(PruneSpec()) == (None, {"inputs": False, "graph": False})
    return made


@pytest.fixture(scope="module")
def recovered(site: Site) -> tuple[Pruned, dict[str, bool]]:
    """Pruned where a checkpoint of another recipe lay."""
    (site.folder / "out/.cache/recovery-0123456789abcdef.safetensors").write_bytes(b"")
    pruned, cached = site.compile(SPEC)
    assert pruned is not None
    return pruned, cached


def test_pruning_after_a_compile_exports_the_whole_model_no_second_time(recovered):
    assert recovered[1] == {
        "inputs": True, "graph": True, "prune": False, "recover": False, "pruned-graph": False,
    }  # fmt: skip


def test_a_net_with_weight_norms_and_shared_weights_is_recovered_and_exported(recovered):
    import onnx
    from onnx import numpy_helper

    pruned, _ = recovered
    assert stamps_of(pruned) == ()
    changed = {each.name: each.outputs_after for each in pruned.facts.pruning.layers}
    assert (changed["first"], changed["second"]) == (8, 32)
    graph = onnx.load(pruned.graph.path).graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    sides = [
        weights[name]
        for node in graph.node
        if node.op_type in ("Gemm", "MatMul")
        for name in node.input
        if name in weights and sorted(weights[name].shape) == [16, 32]
    ]
    assert len(sides) == 2
    assert np.array_equal(*sides)


def test_checkpoints_go_when_a_recovery_is_done(site: Site, recovered):
    assert site.checkpoints == []


def test_the_same_weights_are_exported_once(site: Site, recovered):
    pruned, cached = site.compile(replace(SPEC, budget_min=20.0))
    assert (cached["recover"], cached["pruned-graph"]) == (False, True)
    assert pruned.graph == recovered[0].graph


@pytest.mark.parametrize("use_labels", [False, True])
def test_other_labels_recover_anew_only_where_they_are_learnt(site: Site, recovered, use_labels: bool):
    spec = replace(SPEC, use_labels=use_labels)
    first, _ = site.compile(spec)
    site.label(1 - LABELS)
    try:
        second, cached = site.compile(spec)
    finally:
        site.label(LABELS)
    assert cached["prune"]
    assert cached["recover"] is not use_labels
    assert first.facts.recovery.labelled is second.facts.recovery.labelled is use_labels
    assert (first.graph.sha256 == second.graph.sha256) is not use_labels


@pytest.mark.parametrize(
    ("budget", "stamp"),
    [
        (0.0, "pruned without recovery (--budget 0)"),
        (1e-9, "recovery failed: nothing within its budget made the model better"),
    ],
)
def test_what_was_not_recovered_is_stamped_with_the_reason(site: Site, budget: float, stamp: str):
    pruned, _ = site.compile(replace(SPEC, budget_min=budget))
    assert stamps_of(pruned) == (stamp,)
    assert (pruned.facts.recovery is not None) is stamp.startswith("recovery failed")


@pytest.mark.parametrize("blank", [3, len(LABELS)])
def test_equal_samples_at_the_head_do_not_stop_it(site: Site, blank: int):
    site.label(LABELS, blank=blank)
    try:
        pruned, cached = site.compile(replace(SPEC, budget_min=0.0, round_to=4 if blank == 3 else 2))
    finally:
        site.label(LABELS)
    assert not cached["prune"]
    assert {each.name: each.outputs_after for each in pruned.facts.pruning.layers}["first"] == 8


def test_too_few_samples_to_recover_with_are_told(site: Site):
    site.label(LABELS[:2])
    try:
        pruned, _ = site.compile(SPEC)
    finally:
        site.label(LABELS)
    assert isinstance(pruned.graph, str)
    assert "2 calibration samples are too few to recover with" in pruned.graph
    assert "--budget 0" in pruned.graph


def test_another_seed_tries_the_cut_anew(site: Site, recovered):
    for seed, cached in ((0, True), (1, False), (1, True)):
        job = site.job(SPEC, seed=seed)
        assert remove_channels(job, fit_inputs(job)).stage.cached is cached


def test_a_model_that_is_dropped_tells_the_remedy_and_has_no_stamp(site: Site):
    site.label(LABELS, huge=slice(16, None))
    try:
        pruned, _ = site.compile(SPEC)
    finally:
        site.label(LABELS)
    assert isinstance(pruned.graph, str)
    assert pruned.facts.dropped.startswith("recovery failed: the pruned net gives NaN or infinity")
    assert pruned.facts.dropped.endswith(
        "; give a smaller prune.ratio, or check the calibration set for extreme values"
    )
    assert pruned.graph == f"pruning: {pruned.facts.dropped}"
    assert stamps_of(pruned) == ()


def test_a_node_that_the_pruned_graph_lacks_costs_its_int8_only(site: Site, recovered):
    job = site.job(SPEC, quantise=QuantiseSpec(keep_float=("nowhere",)))
    sets, _, _ = check_data(job, fit_inputs(job).raw)
    graph, wanted = recovered[0].graph, ("int8-uint8-activations",)
    made = make_forms(job, graph, sets["calibrate"], wanted, saturates=False, suffix="-pruned")
    assert made["float"] == Path(graph.path)
    assert made[wanted[0]].startswith("quantise.keep_float on the pruned graph: ")
    with pytest.raises(BadInput, match="nowhere"):
        make_forms(job, graph, sets["calibrate"], wanted, saturates=False)
