"""int8: what is quantised, what stays in float, and that both forms carry the same scales."""

from __future__ import annotations

from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.backends import get_backend
from edgemed.compress import find_scales, write_uint8_activations
from edgemed.compress.keep_float import float_nodes, is_transformer
from edgemed.compress.nncf_scales import read_scales
from edgemed.compress.scales import Scales
from edgemed.errors import BadInput, ToolFailure
from edgemed.types import InputSpec, OutputSpec, QuantiseSpec

GRAPHS = ("cnn1d", "residual2d", "cnn3d", "attention", "fusion", "heads", "mlp", "mobile")
FAST = {"residual2d", "heads", "mlp"}
LAST = {"head", "volume_head"}


def _each(graphs=GRAPHS):
    """NNCF takes a second for each graph: the fast lane has some."""
    return pytest.mark.parametrize(
        "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in graphs]
    )


def _produced_by(model, op: str) -> dict[str, object]:
    return {name: node for node in model.graph.node if node.op_type == op for name in node.output}


def _int8_constants(path: Path) -> int:
    import openvino as ov

    model = ov.Core().read_model(path)
    return sum(
        op.get_type_name() == "Constant" and op.get_element_type().get_type_name() == "i8"
        for op in model.get_ordered_ops()
    )


@_each()
def test_all_layers_but_the_last_have_int8_weights_in_both_forms(quantised, layer_precisions, name: str):
    made = quantised(name)
    layers = layer_precisions(made.qdq)
    assert {layer for layer, precision in layers.items() if precision == "fp32"} == LAST & set(layers)
    in_int8 = [layer for layer, precision in layers.items() if precision == "int8"]
    assert len(in_int8) >= 2
    assert sorted(in_int8) == sorted(weight.node for weight in made.scales.weights)
    assert _int8_constants(made.openvino) == len(in_int8)


@_each()
def test_front_ending_and_float_nodes_stay_in_float(quantised, name: str):
    made = quantised(name)
    model, kept = made.model, set(float_nodes(made.net.path))
    dequantised = _produced_by(model, "DequantizeLinear")
    constants = {tensor.name for tensor in model.graph.initializer}
    seen = 0
    for node in model.graph.node:
        if node.name in kept:
            seen += 1
            assert not any(
                name in dequantised and dequantised[name].input[0] in constants for name in node.input
            )
            if node.name.startswith("edgemed/"):
                assert not dequantised.keys() & set(node.input)
    assert seen == len(kept) >= 2


@_each()
def test_the_model_is_valid_lean_and_keeps_its_contract(quantised, name: str):
    import onnx

    made = quantised(name)
    model, original = made.model, onnx.load(made.net.path)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import == original.opset_import
    assert model.ir_version == original.ir_version
    assert list(model.graph.input) == list(original.graph.input)
    assert list(model.graph.output) == list(original.graph.output)
    used = {name for node in model.graph.node for name in node.input}
    assert {tensor.name for tensor in model.graph.initializer} <= used
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)
    given = {name for node in model.graph.node for name in node.output}
    assert given <= used | {value.name for value in model.graph.output} | {""}


@_each()
def test_both_forms_agree_far_better_than_int8_with_float(quantised, name: str):
    made = quantised(name)
    answers = made.answers(made.net.samples(32).arrays)
    for spec, exact, qdq, openvino in zip(made.net.outputs, *answers.values(), strict=True):
        loss, apart = _snr_db(spec, exact, openvino), _snr_db(spec, qdq, openvino)
        assert loss > 15
        assert apart > loss + 3


def _snr_db(spec: OutputSpec, reference: np.ndarray, other: np.ndarray) -> float:
    """Of logits where the graph ends in probabilities."""
    if spec.kind != "regression":
        reference, other = (np.clip(values, 1e-6, 1 - 1e-6) for values in (reference, other))
    if spec.kind == "binary":
        reference, other = (np.log(values) - np.log1p(-values) for values in (reference, other))
    elif spec.kind == "multiclass":
        reference, other = (np.log(values) for values in (reference, other))
    noise = float(((reference - other) ** 2).mean())
    signal = float(((reference - reference.mean(0)) ** 2).mean())
    return 10 * float(np.log10(signal / max(noise, 1e-20)))


@_each()
def test_int8_weights_are_the_original_ones_to_half_a_step(quantised, name: str):
    import onnx
    from onnx import numpy_helper

    made = quantised(name)
    model = onnx.load(made.net.path)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes = {node.name: node for node in model.graph.node}
    for weight in made.scales.weights:
        original = constants[nodes[weight.node].input[1]]
        assert weight.values.shape == original.shape
        shape = [1] * original.ndim
        shape[weight.axis] = -1
        scale = weight.scale.reshape(shape)
        assert (np.abs(weight.values * scale - original) <= 0.501 * scale).all()


@_each(("mlp", "mobile"))
def test_scales_run_along_the_output_channels(quantised, name: str):
    axes = {
        "mlp": {"transposed": 0, "plain": 1, "product": 1},
        "mobile": {"stem": 0, "depthwise": 0, "grouped": 0, "project": 0},
    }
    weights = {weight.node: weight for weight in quantised(name).scales.weights}
    assert {node: weight.axis for node, weight in weights.items()} == axes[name]
    for weight in weights.values():
        assert weight.scale.shape == (weight.values.shape[weight.axis],)


@pytest.mark.parametrize(
    ("saturates", "bits", "largest"),
    [
        (True, "auto", 64),
        (False, "auto", 127),
        pytest.param(False, "7", 64, marks=pytest.mark.slow),
        pytest.param(True, "8", 127, marks=pytest.mark.slow),
    ],
)
def test_weights_have_seven_bits_where_sums_saturate(quantised, saturates: bool, bits: str, largest: int):
    options = {} if bits == "auto" else {"weight_bits": bits}
    scales = quantised("residual2d", saturates=saturates, **options).scales
    for weight in scales.weights:
        assert largest - 2 <= np.abs(weight.values.astype(int)).max() <= largest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual2d", "mlp", "mobile"])
def test_biases_are_corrected_on_request_where_there_are_any(quantised, name: str):
    import onnx
    from onnx import numpy_helper

    made = quantised(name, bias_correction=True)
    original = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(made.net.path).graph.initializer
    }
    corrected = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.model.graph.initializer}
    layers = {weight.node for weight in made.scales.weights}
    assert set(made.scales.biases) == layers - {"stem"}
    moved = 0
    for node, bias in made.scales.biases.items():
        assert np.array_equal(corrected[f"{node}/bias"], bias)
        near = [value for value in original.values() if value.shape == bias.shape]
        distance = min(float(np.abs(bias - value).max()) for value in near)
        assert distance < 0.2
        moved += distance > 0
    assert moved


@pytest.mark.slow
def test_a_node_that_the_recipe_keeps_in_float_runs_in_float(quantised, layer_precisions):
    made = quantised("mobile", keep_float=("depthwise", "pro.*"))
    layers = layer_precisions(made.qdq)
    assert layers == {
        "stem": "int8",
        "depthwise": "fp32",
        "grouped": "int8",
        "project": "fp32",
        "head": "fp32",
    }
    assert _int8_constants(made.openvino) == 2


def test_onnxruntime_does_not_quantise_what_is_kept_in_float(quantised, tmp_path: Path):
    made = quantised("residual2d", keep_float=("conv5",))
    backend = get_backend("onnxruntime")
    backend.build(made.qdq, "int8", tmp_path)
    ran = backend.executed_layers(tmp_path, "int8", made.net.batch(1))
    assert [shown for layer, op, shown in ran if "Conv" in op and "conv5" in layer] == ["fp32"]
    assert [shown for layer, op, shown in ran if "Conv" in op and "conv0" in layer] == ["int8"]


@pytest.mark.parametrize(
    ("entry", "problem", "remedy"),
    [
        ("conv4", "no node is named 'conv4'", "did you mean 'conv"),
        ("conv", "no node is named 'conv'", "did you mean 'conv"),
        ("zzz", "no node is named 'zzz'", "edgemed inspect"),
        ("conv[", "'conv[' is no regular expression", ""),
    ],
)
def test_a_kept_node_that_is_not_there_is_bad_input(net_of, tmp_path: Path, entry: str, problem: str, remedy):
    net, spec = net_of("residual2d"), QuantiseSpec(keep_float=(entry,))
    with pytest.raises(BadInput) as caught:
        find_scales(net.path, net.samples(4), spec, seed=0, saturates=False, out=tmp_path)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert caught.value.where == "quantise.keep_float"


def test_minmax_never_clips_a_calibration_sample_and_the_mean_does(quantised):
    wide, narrow = (
        {scale.tensor: scale for scale in quantised("residual2d", **options).scales.activations}
        for options in ({}, {"ranges": "mean_minmax"})
    )
    assert wide["image"].high - wide["image"].low > 1.5 * (narrow["image"].high - narrow["image"].low)
    drawn = quantised("residual2d").net.samples(32).arrays["image"]
    assert wide["image"].low <= drawn.min()
    assert wide["image"].high >= drawn.max()


def test_the_preset_performance_makes_ranges_symmetric(quantised):
    """NNCF's symmetric 8 bits: -128 to 127 steps, or from 0 where nothing is negative."""
    mixed, performance = (
        {
            scale.tensor: scale.low / scale.high
            for scale in quantised("residual2d", **options).scales.activations
        }
        for options in ({}, {"preset": "performance"})
    )
    signed = {"image", "conv5_out"}
    assert performance == {tensor: pytest.approx(-128 / 127 if tensor in signed else 0) for tensor in mixed}
    assert all(mixed[tensor] != pytest.approx(-128 / 127) for tensor in signed)


def test_the_same_calibration_gives_the_same_files(quantised, tmp_path: Path):
    made = quantised("mlp")
    net = made.net
    find_scales(net.path, net.samples(32), QuantiseSpec(samples=32), seed=0, saturates=True, out=tmp_path)
    again = Scales.load(tmp_path)
    assert again.activations == made.scales.activations
    for one, other in zip(again.weights, made.scales.weights, strict=True):
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.scale, other.scale)


def test_nothing_to_quantise_is_a_tool_failure(net_of, tmp_path: Path):
    net = net_of("gru")
    with pytest.raises(ToolFailure, match="nothing in this model can run in int8"):
        find_scales(net.path, net.samples(8), QuantiseSpec(), seed=0, saturates=False, out=tmp_path)


def test_a_graph_that_openvino_cannot_read_is_a_tool_failure(tmp_path: Path):
    import onnx

    g = graphs.Writer(0)
    x = g.relu(g.gemm("table", 4, 4))
    g.sigmoid(g.gemm(g.add("NoSuchOp", x, domain="strange"), 4, 1), "score")
    spec = (InputSpec("table", "float32", (4,)),)
    net = g.write(tmp_path, "strange", spec, (OutputSpec("score", "binary", 1),))
    model = onnx.load(net.path)
    model.opset_import.append(onnx.helper.make_opsetid("strange", 1))
    onnx.save(model, net.path)
    with pytest.raises(ToolFailure, match="int8 needs OpenVINO to read the graph") as caught:
        find_scales(net.path, net.samples(8), QuantiseSpec(), seed=0, saturates=False, out=tmp_path)
    assert caught.value.where == "strange.onnx"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mlp", {"head", "edgemed/ending/classes/Softmax"}),
        (
            "heads",
            {
                "edgemed/front/image/Cast", "edgemed/front/image/Sub", "edgemed/front/image/Mul",
                "head", "volume_head", "edgemed/ending/classes/Softmax",
            },
        ),
        ("attention", {"norm", "attend", "head", "edgemed/ending/score/Sigmoid"}),
    ],
)  # fmt: skip
def test_float_nodes(net_of, name: str, expected: set[str]):
    assert set(float_nodes(net_of(name).path)) == expected


def test_only_attention_is_a_transformer(net_of):
    names = (*GRAPHS, "gru")
    assert [name for name in names if is_transformer(net_of(name).path)] == ["attention"]


@pytest.mark.parametrize("correction", [False, True])
def test_a_bias_that_gemm_scales_is_scaled_once(tmp_path: Path, correction: bool):
    """torch.addmm(b, x, W, beta=.25, alpha=1) is a Gemm with a beta, which OpenVINO folds into the bias."""
    import onnxruntime as ort

    g = graphs.Writer(3)
    weights, bias = g.weights(16, 8, fan_in=8), g.constant(np.linspace(4, 9, 16, dtype=np.float32))
    x = g.relu(g.add("Gemm", "table", weights, bias, name="scaled", transB=1, beta=0.25))
    g.gemm(g.relu(g.gemm(x, 16, 8, name="plain")), 8, 1, name="head", out="value")
    spec = (InputSpec("table", "float32", (8,)),)
    net = g.write(tmp_path, "net", spec, (OutputSpec("value", "regression", 1),))
    options = QuantiseSpec(samples=32, bias_correction=correction)
    find_scales(net.path, net.samples(32), options, seed=0, saturates=True, out=tmp_path)
    write_uint8_activations(net.path, tmp_path, tmp_path / "qdq.onnx")
    assert bool(Scales.load(tmp_path).biases) is correction
    batch = net.batch(64, seed=2)
    exact, found = (
        ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, batch)[0]
        for path in (net.path, tmp_path / "qdq.onnx")
    )
    assert _snr_db(net.outputs[0], exact, found) > 15


@pytest.mark.parametrize("ours", [0, 1])
@pytest.mark.parametrize("theirs", [False, True])
def test_square_weights_are_turned_as_the_nodes_say(tmp_path: Path, ours: int, theirs: bool):
    """An OpenVINO MatMul may hold the weights of a Gemm turned, which a square shape does not show."""
    import onnx
    import openvino as ov
    from openvino import opset13

    g = graphs.Writer(4)
    g.gemm("table", 4, 4, trans=ours, name="layer", out="value")
    net = g.write(
        tmp_path, "net", (InputSpec("table", "float32", (4,)),), (OutputSpec("value", "regression", 4),)
    )
    values = np.arange(16, dtype=np.int8).reshape(4, 4)  # of shape (in, out)
    scale = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)  # along out
    stored, steps = (values.T, scale.T) if theirs else (values, scale)
    x = opset13.parameter([1, 4], np.float32, name="table")
    weights = opset13.multiply(opset13.convert(opset13.constant(stored), "f32"), opset13.constant(steps))
    product = opset13.matmul(x, weights, False, theirs)
    product.set_friendly_name("layer/WithoutBiases")
    model = ov.Model([product], [x])
    (weight,) = read_scales(model, onnx.load(net.path), biases_corrected=False).weights
    assert np.array_equal(weight.values, values.T if ours else values)
    assert weight.axis == (0 if ours else 1)
    assert weight.scale == pytest.approx([0.1, 0.2, 0.3, 0.4])
