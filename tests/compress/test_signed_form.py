"""The form that TensorRT takes: int8 activations and weights with zero points of 0, the rest in float."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.backends.onnxruntime import load_as_written
from edgemed.compress import write_signed_activations
from edgemed.compress.placement import place
from edgemed.compress.qdq import int8_scale, uint8_scale

GRAPHS = ("cnn1d", "residual2d", "cnn3d", "attention", "fusion", "heads", "mlp", "mobile")
FAST = {"residual2d", "heads", "mlp"}

each_graph = pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in GRAPHS]
)


@pytest.fixture(scope="module")
def signed(quantised, tmp_path_factory):
    """`signed(graph)`: what was found for it, and the form's model."""
    import onnx

    made = {}

    def make(name: str):
        if name not in made:
            found, out = quantised(name), tmp_path_factory.mktemp("signed") / "signed.onnx"
            write_signed_activations(found.net.path, found.folder, out)
            made[name] = found, onnx.load(out), out
        return made[name]

    return make


def constants_of(model) -> dict[str, np.ndarray]:
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def pairs_of(model, op: str) -> list:
    return [node for node in model.graph.node if node.op_type == op]


@each_graph
def test_zero_points_are_zero_scales_are_fp32_and_biases_are_float(signed, name):
    _, model, _ = signed(name)
    constants = constants_of(model)
    quantises, dequantises = pairs_of(model, "QuantizeLinear"), pairs_of(model, "DequantizeLinear")
    assert len(quantises) >= 2
    assert len(dequantises) > len(quantises)
    for node in (*quantises, *dequantises):
        scale, zero = constants[node.input[1]], constants[node.input[2]]
        assert scale.dtype == np.float32
        assert zero.dtype == np.int8
        assert not zero.any()
        assert (scale > 0).all()
    weights = [constants[node.input[0]] for node in dequantises if node.input[0] in constants]
    assert {each.dtype for each in weights} == {np.dtype(np.int8)}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm") and len(node.input) > 2:
            assert constants[node.input[2]].dtype == np.float32


@each_graph
def test_the_newest_parser_of_tensorrt_10_reads_its_opset_and_operators(signed, name):
    import onnx

    _, model, _ = signed(name)
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    refused = {"DFT", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"}
    assert refused & {node.op_type for node in model.graph.node} == set()


@each_graph
def test_both_onnx_forms_quantise_the_same_tensors_over_the_same_ranges(signed, name):
    found, model, _ = signed(name)
    places = {node.name: node.input[0] for node in pairs_of(model, "QuantizeLinear")}
    assert places == {node.name: node.input[0] for node in pairs_of(found.model, "QuantizeLinear")}
    import onnx

    ranges = {each.tensor: each for each in place(onnx.load(found.net.path), found.scales).activations}
    constants = constants_of(model)
    for node in pairs_of(model, "QuantizeLinear"):
        known = ranges[node.input[0]]
        step = float(constants[node.input[1]])
        assert 127 * step == pytest.approx(max(abs(known.low), abs(known.high)), rel=1e-6)


@each_graph
def test_weights_have_8_bits_also_where_the_quantiser_gave_them_7(signed, name):
    found, model, _ = signed(name)
    assert min(int(np.abs(each.values).max()) for each in found.scales.weights) <= 64
    original = {tensor.name: tensor for tensor in _original(found).graph.initializer}
    constants = constants_of(model)
    nodes = {node.name: node for node in _original(found).graph.node}
    from onnx import numpy_helper

    dequantises = {node.name: node for node in pairs_of(model, "DequantizeLinear")}
    for weight in found.scales.weights:
        node = next(each for key, each in dequantises.items() if key.startswith(f"{weight.node}/weights"))
        values, scale = constants[node.input[0]].astype(np.float32), constants[node.input[1]]
        axis = next(each.i for each in node.attribute if each.name == "axis")
        shape = [-1 if index == axis else 1 for index in range(values.ndim)]
        wanted = numpy_helper.to_array(original[nodes[weight.node].input[1]])
        assert np.abs(values).max() == 127
        assert (np.abs(values * scale.reshape(shape) - wanted) <= 0.5001 * scale.reshape(shape)).all()


def _original(found):
    import onnx

    return onnx.load(found.net.path)


@each_graph
def test_answers_stay_near_the_float_graph(signed, name):
    found, _, path = signed(name)
    batch = found.net.batch(24, seed=5)
    names = tuple(spec.name for spec in found.net.outputs)
    exact = load_as_written(found.net.path, names, 1).run(batch)
    for spec, answer, wanted in zip(
        found.net.outputs, load_as_written(path, names, 1).run(batch), exact, strict=True
    ):
        unit = max(1.0, float(np.abs(wanted).max())) if spec.kind == "regression" else 1.0
        assert np.abs(answer - wanted).max() <= 0.08 * unit


def test_the_same_scales_write_the_same_file(quantised, tmp_path):
    made = quantised("heads")
    for number in (1, 2):
        write_signed_activations(made.net.path, made.folder, tmp_path / f"{number}.onnx")
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()


def test_an_activation_behind_relu_loses_one_bit_and_clips_nothing(signed):
    """uint8 has 255 steps above zero, int8 has 127: half as fine, but the largest value is the same."""
    found, model, _ = signed("residual2d")
    fine, coarse = constants_of(found.model), constants_of(model)
    behind_relu = [
        (a, b)
        for a, b in zip(
            pairs_of(found.model, "QuantizeLinear"), pairs_of(model, "QuantizeLinear"), strict=True
        )
        if fine[a.input[2]] == 0
    ]
    assert behind_relu
    for a, b in behind_relu:
        assert 255 * float(fine[a.input[1]]) == pytest.approx(127 * float(coarse[b.input[1]]), rel=1e-6)


_ends = st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False)


@given(_ends, _ends)
def test_no_value_of_a_range_is_clipped_and_zero_is_exact(a, b):
    low, high = min(a, b), max(a, b)
    step = np.float32(int8_scale(low, high))
    assert step > 0
    assert np.isfinite(step)
    largest = max(abs(low), abs(high))
    assert np.rint(np.float32(largest) / step) <= 127
    tiny = 127 * float(np.finfo(np.float32).tiny)
    assert largest < tiny or largest == pytest.approx(127 * float(step), rel=1e-5)
    assert uint8_scale(low, high)[0] > 0


def test_biases_corrected_for_other_weights_are_not_taken(quantised, tmp_path):
    import onnx

    found = quantised("residual2d", bias_correction=True)
    assert found.scales.biases
    write_signed_activations(found.net.path, found.folder, tmp_path / "signed.onnx")
    original, signed = _original(found), onnx.load(tmp_path / "signed.onnx")
    own = {each.name: each for each in original.graph.node}
    before, after = constants_of(original), constants_of(signed)
    biased = [node for node in signed.graph.node if node.name in found.scales.biases and len(node.input) > 2]
    assert biased
    for node in biased:
        assert np.array_equal(after[node.input[2]], before[own[node.name].input[2]])


def test_weights_of_zero_come_back_as_zero(quantised):
    from edgemed.compress.qdq import _in_8_bits

    made = quantised("mlp")
    model = _original(made)
    weight = made.scales.weights[0]
    node = next(each for each in model.graph.node if each.name == weight.node)
    from onnx import numpy_helper

    for tensor in model.graph.initializer:
        if tensor.name == node.input[1]:
            zeros = np.zeros_like(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(zeros, tensor.name))
    rounded = _in_8_bits(model, weight)
    assert not rounded.values.any()
    assert (rounded.scale == 1).all()
