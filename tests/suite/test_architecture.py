"""The suite's nets are the published ones, repeatable, and export lean and right."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from edgemed import suite
from edgemed.errors import BadInput

# torchvision's and timm's counts for 1000 classes, then those of our own small nets
PARAMETERS = {
    "cnn1d": 51_649,
    "resnet1d": 1_038_881,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
    "cnn3d": 291_345,
    "efficientnet_b0": 5_288_548,
    "mobilenet_v3": 5_483_032,
    "deit_tiny": 5_717_416,
    "gru": 13_121,
    "lstm": 17_473,
    "fusion": 68_273,
}
MOST_NODES = {"cnn1d": 12, "resnet1d": 48, "resnet18": 48, "resnet50": 121, "densenet121": 367, "cnn3d": 13}
MOST_NODES |= {
    "efficientnet_b0": 238,
    "mobilenet_v3": 139,
    "deit_tiny": 323,
    "gru": 24,
    "lstm": 25,
    "fusion": 17,
}
QUICK = ("cnn1d", "fusion")
SLOW = tuple(name for name in PARAMETERS if name not in QUICK)


def _parameters(architecture: suite.Architecture) -> int:
    return sum(parameter.numel() for parameter in architecture.module.parameters())


def _logits(architecture: suite.Architecture, samples: dict[str, np.ndarray]) -> np.ndarray:
    import torch

    torch.set_num_threads(1)
    with torch.no_grad():
        return architecture.module(*(torch.from_numpy(array) for array in samples.values())).numpy()


def test_names_are_those_with_a_known_count():
    assert set(suite.names()) == set(PARAMETERS)


@pytest.mark.parametrize("name", ["cnn1d", "resnet1d", "cnn3d", "gru", "lstm", "fusion", "deit_tiny"])
def test_parameter_count(name: str):
    assert _parameters(suite.build(name)) == PARAMETERS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v3"])
def test_parameter_count_of_large_nets(name: str):
    assert _parameters(suite.build(name)) == PARAMETERS[name]


def test_a_seed_repeats_and_another_differs():
    import torch

    before = torch.random.get_rng_state()
    first, again, other = (suite.build("cnn1d", seed=seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    samples = suite.draw(first.inputs, 4)
    assert np.array_equal(_logits(first, samples), _logits(again, samples))
    assert not np.array_equal(_logits(first, samples), _logits(other, samples))


@pytest.mark.parametrize("name", ["cnn1d", "resnet1d", "fusion", "gru", "lstm"])
def test_logits_are_sane_and_depend_on_the_input(name: str):
    architecture = suite.build(name)
    assert not architecture.module.training
    logits = _logits(architecture, suite.draw(architecture.inputs, 16, seed=5))
    assert logits.shape == (16, 1)
    assert np.abs(logits).max() < 10.0
    assert logits.std() > 0.003


@pytest.mark.parametrize("name", ["cnn1d", "resnet1d", "cnn3d", "deit_tiny", "gru", "fusion"])
def test_half_the_width_has_about_a_quarter_of_the_parameters(name: str):
    count = _parameters(suite.build(name, width=0.5))
    assert 0.15 * PARAMETERS[name] < count < 0.5 * PARAMETERS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v3"])
def test_half_the_width_of_large_nets(name: str):
    count = _parameters(suite.build(name, width=0.5))
    assert 0.15 * PARAMETERS[name] < count < 0.5 * PARAMETERS[name]


def test_draw_repeats_and_has_the_inputs_shapes():
    inputs = suite.build("fusion").inputs
    first, again = suite.draw(inputs, 5, seed=1), suite.draw(inputs, 5, seed=1)
    assert {name: array.shape for name, array in first.items()} == {"image": (5, 1, 64, 64), "table": (5, 16)}
    assert all(array.dtype == np.float32 for array in first.values())
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_an_unknown_name_suggests_the_near_one():
    with pytest.raises(BadInput, match="did you mean 'resnet18'"):
        suite.build("resnet_18")


def test_a_width_of_zero_is_refused():
    with pytest.raises(BadInput, match="not above 0"):
        suite.build("cnn1d", width=0.0)


def test_importing_the_suite_and_its_names_imports_no_torch():
    code = "import sys, edgemed.suite; edgemed.suite.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _check_export(name: str, folder: Path) -> None:
    import onnxruntime
    import torch

    architecture = suite.build(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = suite.save_pt2(architecture, folder / f"{name}.pt2")
        program = torch.onnx.export(
            torch.export.load(path), dynamo=True, opset_version=20, external_data=False, verbose=False
        )
    model = program.model_proto
    assert model.opset_import[0].version == 20
    assert len(model.graph.node) <= MOST_NODES[name]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert [i.name for i in session.get_inputs()] == [spec.name for spec in architecture.inputs]
    for count in (1, 3):
        samples = suite.draw(architecture.inputs, count, seed=7)
        expected = _logits(architecture, samples)
        (actual,) = session.run(None, samples)
        assert actual.shape == expected.shape
        assert np.abs(actual - expected).max() <= 1e-4 * max(1.0, float(np.abs(expected).max()))


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.slow
def test_export_is_lean_has_a_dynamic_batch_and_agrees(name: str, tmp_path: Path):
    _check_export(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_export_of_large_nets(name: str, tmp_path: Path):
    _check_export(name, tmp_path)
