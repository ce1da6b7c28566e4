"""Where Quantize nodes stand, beyond the ranges that the quantiser gives."""

from __future__ import annotations

import graphs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.compress.placement import missing_ranges, place, with_ranges
from edgemed.compress.qdq import uint8_scale, write_qdq
from edgemed.compress.scales import ActivationScale, Scales, WeightScale
from edgemed.types import InputSpec, OutputSpec

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(FLOATS, FLOATS)
def test_zero_is_exact_and_the_range_is_covered(one: float, other: float):
    low, high = sorted((one, other))
    scale, zero = uint8_scale(low, high)
    step = float(np.float32(scale))
    assert 0 < step < np.inf
    assert isinstance(zero, int)
    assert 0 <= zero <= 255
    assert (0 - zero) * step <= min(low, 0.0) + 0.51 * step
    assert (255 - zero) * step >= max(high, 0.0) - 0.51 * step


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"),
    [(0, 2.55, 0.01, 0), (-2.55, 0, 0.01, 255), (-1.28, 1.27, 0.01, 128), (0, 0, 1.0, 0), (1, 5.1, 0.02, 0)],
)
def test_scale_and_zero_point(low: float, high: float, scale: float, zero: int):
    found = uint8_scale(low, high)
    assert found[0] == pytest.approx(scale)
    assert found[1] == zero


def _weights(net, *nodes: str) -> tuple[WeightScale, ...]:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(net.path)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found = []
    for node in model.graph.node:
        if node.name in nodes:
            values = constants[node.input[1]]
            scale = np.abs(values).max(axis=tuple(range(1, values.ndim))) / 63
            steps = values / scale.reshape(-1, *[1] * (values.ndim - 1))
            found.append(WeightScale(node.name, np.rint(steps).astype(np.int8), scale, 0))
    return tuple(found)


def _placed(net, scales: Scales):
    import onnx

    return place(onnx.load(net.path), scales)


def _write(g, folder, *shape: int):
    return g.write(
        folder, "net", (InputSpec("image", "float32", shape),), (OutputSpec("score", "binary", 1),)
    )


def _tail(g, x: str, channels: int) -> None:
    g.sigmoid(g.gemm(g.pooled(x), channels, 1, name="head"), "score")


@pytest.mark.parametrize("ranges", [((0.0, 2.0), (0.0, 2.0)), ((0.0, 2.0), (0.0, 3.0))])
def test_a_range_passes_a_concat_only_where_all_its_inputs_share_it(tmp_path, ranges):
    g = graphs.Writer(0)
    parts = [g.relu(g.conv("image", 2, 4, 3, 2, name=name)) for name in ("left", "right")]
    x = g.conv(g.add("Concat", *parts, axis=1, name="join"), 8, 4, 3, 2, name="behind")
    _tail(g, g.relu(x), 4)
    net = _write(g, tmp_path, 2, 8, 8)
    activations = [ActivationScale("image", -1, 1, ("left", "right"))]
    activations += [
        ActivationScale(part, *range_, ("join",)) for part, range_ in zip(parts, ranges, strict=True)
    ]
    placed = _placed(net, Scales(tuple(activations), _weights(net, "left", "right", "behind")))
    alike = ranges[0] == ranges[1]
    assert ("behind" in placed.quantised) is alike
    assert (ActivationScale("join_out", 0.0, 2.0, ("behind",)) in placed.activations) is alike


def test_a_range_passes_nodes_that_move_values(tmp_path):
    g = graphs.Writer(0)
    x = g.add("MaxPool", "image", kernel_shape=[2, 2], strides=[2, 2], name="pool")
    x = g.add("Transpose", x, perm=[0, 1, 3, 2], name="turn")
    x = g.add("Pad", x, g.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1])), name="pad")
    x = g.relu(g.conv(x, 2, 4, 3, 2, name="conv"))
    _tail(g, x, 4)
    net = _write(g, tmp_path, 2, 8, 8)
    scales = Scales((ActivationScale("image", -2.0, 3.0, ("pool",)),), _weights(net, "conv"))
    placed = _placed(net, scales)
    assert [scale.tensor for scale in placed.activations] == ["image", "pool_out", "turn_out", "pad_out"]
    assert {(scale.low, scale.high) for scale in placed.activations} == {(-2.0, 3.0)}
    assert placed.quantised == {"conv"}
    assert list(placed.missing) == [next(n for n in missing_ranges(net.path, scales))]


def test_a_quantised_layer_gives_its_output_to_all_through_one_quantize(tmp_path):
    g = graphs.Writer(0)
    x = g.conv("image", 2, 4, 3, 2, name="conv")
    gate = g.add("HardSigmoid", x, name="gate")
    _tail(g, g.add("Mul", x, gate, name="product"), 4)
    net = _write(g, tmp_path, 2, 8, 8)
    activations = (
        ActivationScale("image", -1, 1, ("conv",)),
        ActivationScale("conv_out", -2, 2, ("product",)),
    )
    scales = Scales(activations, _weights(net, "conv"))
    widened = next(scale for scale in _placed(net, scales).activations if scale.tensor == "conv_out")
    assert set(widened.consumers) == {"gate", "product"}
    write_qdq(net.path, scales, tmp_path / "qdq.onnx", signed=False)
    assert _takers(tmp_path / "qdq.onnx", "conv_out") == ["QuantizeLinear"]


def _takers(path, tensor: str) -> list[str]:
    import onnx

    return [node.op_type for node in onnx.load(path).graph.node if tensor in node.input]


def test_a_quantised_layer_without_a_range_behind_it_wants_one(tmp_path):
    g = graphs.Writer(0)
    x = g.relu(g.conv("image", 2, 4, 3, 2, name="conv"))
    _tail(g, x, 4)
    net = _write(g, tmp_path, 2, 8, 8)
    scales = Scales((ActivationScale("image", -1, 1, ("conv",)),), _weights(net, "conv"))
    missing = missing_ranges(net.path, scales)
    assert list(missing) == [x]
    complete = with_ranges(scales, missing, {x: (0.0, 2.5)})
    assert missing_ranges(net.path, complete) == {}
    write_qdq(net.path, complete, tmp_path / "qdq.onnx", signed=False)
    assert _takers(tmp_path / "qdq.onnx", x) == ["QuantizeLinear"]


def test_the_gate_of_a_swish_behind_a_quantised_layer_wants_a_range(tmp_path):
    g = graphs.Writer(0)
    x = g.conv("image", 2, 4, 3, 2, name="conv")
    gate = g.add("Sigmoid", x, name="gate")
    _tail(g, g.add("Mul", gate, x, name="swish"), 4)
    net = _write(g, tmp_path, 2, 8, 8)
    scales = Scales((ActivationScale("image", -1, 1, ("conv",)),), _weights(net, "conv"))
    assert missing_ranges(net.path, scales) == {x: ("gate", "swish"), gate: ("swish",)}


def test_an_output_of_the_graph_gets_no_quantize(tmp_path):
    g = graphs.Writer(0)
    x = g.conv("image", 2, 1, 8, 2, name="conv")
    x = g.add("Slice", x, *(g.constant(np.array(v)) for v in ([0, 0], [1, 1], [2, 3])), name="cut")
    g.add("Flatten", x, name="flat", out="score")
    net = _write(g, tmp_path, 2, 8, 8)
    activations = (
        ActivationScale("image", -1, 1, ("conv",)),
        ActivationScale("conv_out", -2, 2, ("cut",)),
        ActivationScale("cut_out", -2, 2, ("flat",)),
    )
    placed = _placed(net, Scales(activations, _weights(net, "conv")))
    assert "score" not in {scale.tensor for scale in placed.activations}


def test_a_weight_without_a_quantised_input_stays_in_float(layer_precisions, tmp_path):
    g = graphs.Writer(0)
    x = g.relu(g.conv("image", 2, 4, 3, 2, name="first"))
    x = g.relu(g.conv(x, 4, 4, 3, 2, name="second"))
    _tail(g, x, 4)
    net = _write(g, tmp_path, 2, 8, 8)
    scales = Scales((ActivationScale("image", -1, 1, ("first",)),), _weights(net, "first", "second"))
    write_qdq(net.path, scales, tmp_path / "qdq.onnx", signed=False)
    assert layer_precisions(tmp_path / "qdq.onnx") == {"first": "int8", "second": "fp32", "head": "fp32"}
