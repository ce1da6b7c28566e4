"""Pruning through the command line: pruned candidates beside the others, stamps, what is refused."""

from __future__ import annotations

import json

import pytest

from edgemed.errors import EXIT_BAD_INPUT

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(2, 32, 9, padding=4), nn.BatchNorm1d(32), nn.ReLU())
        self.second = nn.Sequential(nn.Conv1d(32, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(32, 2)

    def forward(self, signal):
        return self.head(self.second(self.first(signal)).mean(2))

def build():
    return Net()
"""
MODEL = ("-m", "net.py:build", "-w", "net.safetensors")
SETS = ("--calibrate", "cal.npz", "--select", "sel.npz", "--accept", "acc.npz")
PRUNE = ("--prune", "0.5", "--budget", "2")
QUICK = ("--target", "onnxruntime", "--precision", "int8")


@pytest.fixture
def net(site):
    """`net.py:build`, two convolutions, trained for some steps to see the wave of the positives."""
    import numpy as np
    import torch
    from safetensors.torch import save_file

    (site / "net.py").write_text(NET)
    space: dict = {}
    exec(NET, space)
    torch.manual_seed(0)
    module = space["build"]()
    with np.load(site / "cal.npz") as data:
        x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(x), y).backward()
        optimiser.step()
    save_file(module.state_dict(), site / "net.safetensors")
    return site


@pytest.mark.slow
def test_pruned_candidates_stand_beside_the_others(net):
    done = net.run("compile", *MODEL, *SETS, *QUICK, *PRUNE, "-o", "out")
    assert done.code == 0, done.err
    report = net.report()
    found = {each["id"]: each for each in report["candidates"]}
    assert set(found) == {f"onnxruntime-{each}" for each in ("fp32", "fp32-pruned", "int8", "int8-pruned")}
    assert found["onnxruntime-fp32-pruned"]["size_bytes"] < 0.6 * found["onnxruntime-fp32"]["size_bytes"]
    assert found["onnxruntime-fp32-pruned"]["pruned"]
    removed = report["pruning"]["pruning"]
    layers = {each["name"]: each for each in removed["layers"]}
    assert (layers["first.0"]["outputs_before"], layers["first.0"]["outputs_after"]) == (32, 16)
    assert layers["head"]["outputs_after"] == 2
    assert [each["name"] for each in removed["left_alone"]] == ["head"]
    recovery = report["pruning"]["recovery"]
    assert recovery["losses"]
    assert min(recovery["losses"]) < recovery["loss_pruned"]
    assert report["stamps"] == []
    assert any(each["what"].startswith("pruned: ") for each in report["parity"])

    again = net.run("compile", *MODEL, *SETS, *QUICK, *PRUNE, "-o", "out", "--json")
    cached = {each["name"]: each["cached"] for each in again.json["stages"]}
    assert cached["prune"]
    assert cached["recover"]
    assert cached["pruned-graph"]


@pytest.mark.slow
def test_without_recovery_the_artefacts_are_stamped(net):
    (net / "recipe.toml").write_text(
        'target = "onnxruntime"\nprecisions = ["fp32"]\n'
        '[model]\nsource = "net.py:build"\nweights = "net.safetensors"\n'
        '[data]\nselect = "sel.npz"\n[inputs.signal]\nshape = [2, 64]\n'
        "[prune]\nratio = 0.25\nlayers = { second = 0 }\n"
        "[agreement]\ndecisions = 0.0\nauc = 1.0\nloss = 1.0\n"
        "[trials]\nlaunches = 1\nseconds = 0.05\n"
    )
    done = net.run("compile", "recipe.toml", "-o", "out", "--target", "raspberry-pi-5")
    assert done.code == 0, done.err
    report = net.report()
    assert report["pruning"]["recovery"] is None
    changed = {each["name"]: each["outputs_after"] for each in report["pruning"]["pruning"]["layers"]}
    assert changed == {"first.0": 24, "second.0": 32}
    stamps = {
        path.parent.name: json.loads(path.read_text())["stamps"]
        for path in (net / "out" / "artefacts").glob("*/manifest.json")
    }
    assert stamps["onnxruntime-fp32-pruned"] == ["not judged", "pruned without recovery (no calibration set)"]
    assert stamps["onnxruntime-fp32"] == ["not judged"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--prune", "1.5"), ("1.5 is not a share from 0 to below 1", "--prune")),
        (("--prune", "0.99"), ("a ratio of 0.99 leaves 0.32 of 32 channels", "0.875 or less")),
        (("--budget", "5"), ("nothing is pruned", "--budget", "--prune 0.5")),
        (("--prune", "0.5", "--budget", "-1"), ("-1.0 is no number of minutes", "--budget")),
    ],
)
def test_impossible_flags_are_refused(net, flags, words):
    net.run("compile", *MODEL, *SETS, *QUICK, *flags, "-o", "out").refused(EXIT_BAD_INPUT, *words)
    assert not (net / "out" / "report.json").exists()


@pytest.mark.parametrize("more", [("--dry-run",), ("-o", "out")], ids=["dry run", "compile"])
def test_a_layer_that_is_not_there_is_refused_with_the_near_one(net, more):
    (net / "recipe.toml").write_text(
        '[model]\nsource = "net.py:build"\nweights = "net.safetensors"\n[data]\ncalibrate = "cal.npz"\n'
        '[prune]\nlayers = { "frist.0" = 0.5 }\n'
    )
    net.run("compile", "recipe.toml", *more).refused(EXIT_BAD_INPUT, "frist.0", "first.0")


def test_the_plan_of_a_pruning_counts_right(net):
    (net / "recipe.toml").write_text(
        '[model]\nsource = "net.py:build"\nweights = "net.safetensors"\n[data]\ncalibrate = "cal.npz"\n'
        '[prune]\nbudget_min = 1\nlayers = { first = 0.5, "sec.*" = 0.25 }\n'
    )
    done = net.run("compile", "recipe.toml", "--dry-run")
    assert done.code == 0, done.err
    assert "at most 200 epochs and 1 minute\n" in done.out
    assert "find int8 scales on at most 300 calibration samples" in done.out


def test_a_file_without_a_torch_module_is_refused_with_what_is_needed(site):
    done = site.run("compile", "-m", "model.onnx", *SETS, "--prune", "0.5", "-o", "out")
    done.refused(EXIT_BAD_INPUT, "model.onnx holds none", "-m model.py:build -w model.safetensors")
