"""What breaks a model on purpose breaks what it says, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.compress.calibration import CalibrationStream
from edgemed.compress.clipped_activations import write_clipped
from edgemed.compress.scaled_samples import ScaledSamples
from edgemed.compress.zeroed_channels import write_zeroed


def _run(path: Path, batch: dict[str, np.ndarray], names: list[str] | None = None) -> list[np.ndarray]:
    import onnxruntime as ort

    return ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(names, batch)


def _weights(path: Path) -> dict[str, np.ndarray]:
    import onnx
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


def _dead(array: np.ndarray, axis: int) -> list[bool]:
    rows = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
    return (rows == 0).all(axis=1).tolist()


def test_the_weakest_half_of_each_layers_channels_is_zero_and_the_last_layer_whole(net_of, tmp_path):
    net = net_of("mlp")
    assert write_zeroed(net.path, 0.5, tmp_path / "zeroed.onnx") == 3
    before, after = _weights(net.path), _weights(tmp_path / "zeroed.onnx")
    layers = [name for name in before if before[name].ndim == 2]
    axes = dict(zip(layers, (0, 1, 1), strict=False))
    for name, axis in axes.items():
        norms = np.abs(np.moveaxis(before[name], axis, 0)).sum(axis=1)
        dead = np.array(_dead(after[name], axis))
        assert dead.sum() == len(norms) // 2
        assert norms[dead].max() < norms[~dead].min()
    assert np.array_equal(after[layers[3]], before[layers[3]])
    biases = [name for name in before if before[name].ndim == 1]
    assert [int((after[name] == 0).sum()) for name in biases] == [8, 6, 5, 0]


def test_depthwise_and_grouped_convolutions_lose_whole_channels(net_of, tmp_path):
    net = net_of("mobile")
    assert write_zeroed(net.path, 0.5, tmp_path / "zeroed.onnx") == 4
    kernels = [array for array in _weights(tmp_path / "zeroed.onnx").values() if array.ndim == 4]
    assert [sum(_dead(kernel, 0)) for kernel in kernels] == [4, 4, 8, 4]


def test_preprocessing_keeps_its_weights(net_of, tmp_path):
    net = net_of("heads")
    write_zeroed(net.path, 0.5, tmp_path / "zeroed.onnx")
    before, after = _weights(net.path), _weights(tmp_path / "zeroed.onnx")
    assert all(np.array_equal(after[name], before[name]) for name in before if before[name].ndim == 0)


@pytest.mark.parametrize("name", ["cnn1d", "residual2d", "attention", "mobile"])
def test_clipping_at_the_whole_range_changes_nothing_and_at_less_it_does(name, net_of, tmp_path):
    net = net_of(name)
    batch = net.batch(16, seed=1)
    answers = [_run(net.path, batch)[0]]
    for share in (1.0, 0.25):
        path = tmp_path / f"{share}.onnx"
        assert write_clipped(net.path, CalibrationStream(net.samples(16, 1), 16, 0), share, path) >= 3
        answers.append(_run(path, batch)[0])
    assert np.abs(answers[1] - answers[0]).max() < 1e-6
    assert np.abs(answers[2] - answers[0]).max() > 1e-3


def test_no_layer_takes_more_than_half_of_the_range(net_of, tmp_path):
    import onnx

    net = net_of("cnn1d")
    stream = CalibrationStream(net.samples(16, 1), 16, 0)
    write_clipped(net.path, stream, 0.5, tmp_path / "clipped.onnx")
    model = onnx.load(tmp_path / "clipped.onnx")
    clips = [node for node in model.graph.node if node.op_type == "Clip"]
    tensors = [(node.input[0], node.output[0]) for node in clips]
    assert "signal" not in {name for name, _ in tensors}
    for whole, cut in tensors:
        for name in (whole, cut):
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
        assert all(whole not in node.input for node in model.graph.node if node not in clips)
    onnx.save(model, tmp_path / "told.onnx")
    # both are measured in the clipped graph: what comes later is smaller than in the original
    for whole, cut in tensors:
        a, b = _run(tmp_path / "told.onnx", net.batch(16, 1), [whole, cut])
        assert 0 <= b.min() <= b.max() <= a.max()
    first = _run(tmp_path / "told.onnx", net.batch(16, 1), list(tensors[0]))
    assert first[1].max() == pytest.approx(first[0].max() / 2)


def test_samples_are_divided_in_their_own_dtype(net_of):
    net = net_of("heads")
    samples = net.samples(4)
    scaled = ScaledSamples(samples, 16)
    assert len(scaled) == 4
    for before, after in zip(samples, scaled, strict=True):
        assert after.name == before.name
        assert after.inputs["image"].dtype == np.uint8
        assert np.array_equal(after.inputs["image"], before.inputs["image"] // 16)
    assert [sample.name for sample in scaled.select([2])] == ["case-2"]
