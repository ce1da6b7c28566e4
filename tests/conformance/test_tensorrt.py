"""Real engines of TensorRT-RTX, built without a GPU: what is in them, and what is refused."""

from __future__ import annotations

import graphs
import numpy as np
import pytest

from edgemed.backends import get_backend
from edgemed.backends.onnxruntime import load_as_written
from edgemed.backends.tensorrt.builder import build_engine, check_graph
from edgemed.backends.tensorrt.engines import ENGINES_FILE, read_engines
from edgemed.backends.tensorrt.gpu import Gpu, driver_release
from edgemed.child import run_in_child
from edgemed.errors import BadInput, ChildCrashed, ToolFailure, Untrusted
from edgemed.types import Engine, EngineSpec, InputSpec, OutputSpec

pytest.importorskip("tensorrt_rtx")

GRAPHS = ("cnn1d", "residual2d", "cnn3d", "attention", "fusion", "heads", "mlp", "mobile")
FAST = {"cnn1d", "attention"}
HEADS = {"head", "volume_head"}
SMALL = {"gemm6", "plain", "transposed", "product"}
"""Float products of a few values: kernels of their neighbours' element by element work do them too."""
RTX = EngineSpec("tensorrt-rtx", ("8.6", "8.9"))
ORIN = EngineSpec("tensorrt", ("8.7",), ">=10.3,<11", 19)
_SCORE = (OutputSpec("score", "binary", 1),)

each_graph = pytest.mark.parametrize(
    "graph", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in GRAPHS]
)
each_gpu = pytest.mark.parametrize("gpu", ["8.6", "8.9"])


@pytest.fixture
def engine_of(tmp_path):
    """`engine_of(file, gpu)`: what a build tells of its engine."""

    def build(source, gpu="8.6") -> Engine:
        return build_engine(source, "tensorrt-rtx", Gpu(gpu, ""), tmp_path / "an.engine")

    return build


def layers_of(source) -> tuple[set[str], set[str]]:
    """Nodes with weights: those whose weights are int8, and the others."""
    import onnx

    model = onnx.load(source)
    constants = {tensor.name for tensor in model.graph.initializer}
    dequantised = {
        node.output[0]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants
    }
    weighted = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    quantised = {node.name for node in weighted if node.input[1] in dequantised}
    return quantised, {node.name for node in weighted if node.input[1] in constants}


def kernels_of(engine: Engine, node: str) -> list[str]:
    """Precisions of the kernels that compute a node, but for those that only change its elements."""
    return [
        precision for names, kind, precision in engine.layers if node in names.split(" + ") and kind != "kgen"
    ]


@each_gpu
@each_graph
def test_every_quantised_layer_runs_in_int8(form_of, engine_of, graph, gpu):
    source = form_of(graph, "int8-signed-activations")
    engine = engine_of(source, gpu)
    quantised, rest = layers_of(source)
    assert rest == HEADS & rest
    assert len(quantised) >= 2
    assert {node: kernels_of(engine, node) for node in quantised} == {node: ["int8"] for node in quantised}
    assert engine.compute_capability == gpu


@each_graph
@pytest.mark.parametrize(("form", "precision"), [("float", "fp32"), ("float16", "fp16")])
def test_every_layer_runs_in_the_precision_of_the_graph(form_of, engine_of, graph, form, precision):
    source = form_of(graph, form)
    engine = engine_of(source)
    quantised, rest = layers_of(source)
    assert quantised == set()
    found = {node: set(kernels_of(engine, node)) for node in rest - HEADS}
    assert found == {node: set() if node in SMALL else {precision} for node in rest - HEADS}
    assert rest <= {node for names, _, _ in engine.layers for node in names.split(" + ")}
    assert "int8" not in {ran for _, _, ran in engine.layers}
    assert precision in {ran for _, _, ran in engine.layers}


def test_fp16_keeps_normalisation_and_softmax_in_fp32(form_of):
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(form_of("attention", "float16")))
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    kept = [n for n in model.graph.node if n.op_type in ("LayerNormalization", "Softmax")]
    assert len(kept) == 2
    assert {types[name] for node in kept for name in (node.input[0], node.output[0])} == {
        onnx.TensorProto.FLOAT
    }
    assert onnx.TensorProto.FLOAT16 in types.values()


@pytest.mark.parametrize("gpu", ["8.6", "12.0"])
def test_the_same_graph_gives_the_same_engine(form_of, tmp_path, gpu):
    source = form_of("cnn1d", "int8-signed-activations")
    made = [
        run_in_child(
            build_engine, source, "tensorrt-rtx", Gpu(gpu, ""), tmp_path / f"{number}.engine",
            what="building",
        ).value
        for number in (1, 2)
    ]  # fmt: skip
    assert made[0].sha256 == made[1].sha256
    assert made[0].layers == made[1].layers
    assert (tmp_path / "1.engine").read_bytes() == (tmp_path / "2.engine").read_bytes()


def test_tactics_are_kept_and_others_are_not_taken(form_of, tmp_path):
    source, known = form_of("cnn1d", "int8-signed-activations"), tmp_path / "timing.cache"

    def build() -> str:
        return run_in_child(_build_with_tactics, source, tmp_path / "an.engine", known, what="building").value

    fresh = build()
    kept = known.read_bytes()
    assert kept
    assert build() == fresh
    known.write_bytes(b"torn" * 100)
    assert build() == fresh
    assert known.read_bytes() != b"torn" * 100


def _build_with_tactics(source, out, known) -> str:
    return build_engine(source, "tensorrt-rtx", Gpu("8.6", ""), out, timing_cache=known).sha256


@pytest.mark.slow
def test_a_build_without_end_is_ended(form_of, tmp_path):
    """TensorRT-RTX 1.7.1 builds a GRU of 6 hidden values for ever, and takes memory all the while."""
    with pytest.raises(ChildCrashed, match="no sign of life"):
        run_in_child(
            build_engine, form_of("gru", "float"), "tensorrt-rtx", Gpu("8.6", ""), tmp_path / "an.engine",
            what="building", timeout_s=15,
        )  # fmt: skip


@pytest.mark.parametrize("gpu", ["8.7", "9.0", "11.0"])
def test_a_gpu_that_cannot_be_built_for_is_refused_with_what_can(form_of, engine_of, gpu):
    with pytest.raises(ToolFailure, match=f"no engine for compute capability {gpu}, only for 7.5, 8.0, 8.6"):
        engine_of(form_of("cnn1d", "float"), gpu)


def test_uint8_activations_are_refused(form_of, engine_of):
    with pytest.raises(ToolFailure, match=r"signal/q/Q \(QuantizeLinear\).*zero point"):
        engine_of(form_of("cnn1d", "int8-uint8-activations"))


def small(folder, build, *, dtype="float32", shape=(4,)):
    """The file of a graph from `x` to a score."""
    g = graphs.Writer(0)
    g.sigmoid(g.gemm(build(g), 4, 1, name="head"), "score")
    return g.write(folder, "small", (InputSpec("x", dtype, shape),), _SCORE).path


def test_uint8_with_a_zero_point_of_zero_would_be_clipped_and_is_refused(tmp_path, engine_of):
    def behind_relu(g):
        parameters = g.constant(np.float32(0.1)), g.constant(np.uint8(0))
        x = g.add("QuantizeLinear", g.relu("x"), *parameters)
        return g.add("DequantizeLinear", x, *parameters)

    with pytest.raises(ToolFailure, match="reads uint8 activations as int8 and clips half"):
        engine_of(small(tmp_path, behind_relu))


def dft(g):
    x = g.add("Unsqueeze", "x", g.constant(np.array([2])))
    x = g.add("DFT", x, name="spectrum", axis=1, onesided=0)
    return g.add("ReduceMean", x, g.constant(np.array([2])), keepdims=0)


def dynamic(g):
    from onnx import helper

    g.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="spectrum"))
    return g.add("DequantizeLinear", "q", "s", "z")


def integer(g):
    scale, zero = g.constant(np.float32(0.1)), g.constant(np.int8(0))
    weights = g.constant(np.ones((4, 4), np.int8))
    x = g.add("QuantizeLinear", "x", scale, zero)
    x = g.add("QLinearMatMul", x, scale, zero, weights, scale, zero, scale, zero, name="spectrum")
    return g.add("DequantizeLinear", x, scale, zero)


@pytest.mark.parametrize(
    ("build", "op"), [(dft, "DFT"), (dynamic, "DynamicQuantizeLinear"), (integer, "QLinearMatMul")]
)
def test_an_unsupported_node_is_named(tmp_path, engine_of, build, op):
    graph = small(tmp_path, build)
    with pytest.raises(ToolFailure, match=rf"does not support a node: spectrum \({op}\)") as caught:
        engine_of(graph)
    assert caught.value.where == "small.onnx"
    assert caught.value.remedy
    with pytest.raises(ToolFailure, match="spectrum"):
        check_graph(graph, "tensorrt-rtx")
    (tmp_path / "kit").mkdir()
    with pytest.raises(ToolFailure, match="spectrum"):
        get_backend("tensorrt").build(graph, "fp32", tmp_path / "kit", ORIN)


def test_a_file_that_is_no_graph_is_a_tool_failure(tmp_path, engine_of):
    (tmp_path / "torn.onnx").write_bytes(b"\x08\x0a torn")
    with pytest.raises(ToolFailure, match="cannot read the graph"):
        engine_of(tmp_path / "torn.onnx")


def test_what_the_parser_warns_of_reaches_the_artefact(tmp_path):
    from onnx import TensorProto, helper, numpy_helper, save

    ends = [
        helper.make_tensor_value_info("x", TensorProto.INT64, ["n", 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4]),
    ]
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["c", "w"], ["y"]),
    ]
    weights = numpy_helper.from_array(np.ones(4, np.float32), "w")
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), tmp_path / "int64.onnx")
    for spec, notes in ((RTX, 1), (ORIN, 2)):
        folder = tmp_path / spec.package
        folder.mkdir()
        get_backend("tensorrt").build(tmp_path / "int64.onnx", "fp32", folder, spec)
        told = get_backend("tensorrt").notes(folder)
        assert len(told) == notes
        assert "input x has Int64 binding" in told[-1]


def test_an_artefact_holds_an_engine_for_each_gpu_and_a_kit_none(form_of, tmp_path):
    source = form_of("cnn1d", "int8-signed-activations")
    for name, spec in (("rtx", RTX), ("kit", ORIN)):
        (tmp_path / name).mkdir()
        get_backend("tensorrt").build(source, "int8", tmp_path / name, spec)
    assert {path.name for path in (tmp_path / "kit").iterdir()} == {"model.onnx", ENGINES_FILE}
    assert read_engines(tmp_path / "kit").engines == ()
    engines = read_engines(tmp_path / "rtx").engines
    assert [each.file for each in engines] == ["sm86.engine", "sm89.engine"]
    assert [each.compute_capability for each in engines] == ["8.6", "8.9"]
    assert engines[0].sha256 != engines[1].sha256
    assert get_backend("tensorrt").executed_layers(tmp_path / "rtx", "int8", {}) == list(engines[0].layers)
    assert get_backend("tensorrt").executed_layers(tmp_path / "kit", "int8", {}) == []


def test_a_target_that_cannot_be_built_for_is_told():
    backend = get_backend("tensorrt")
    assert "no [tensorrt] table" in backend.cannot_build(None)
    assert backend.cannot_build(ORIN, 19) == ""
    assert "the graph has opset 20" in backend.cannot_build(ORIN, 20)


def test_an_engine_list_that_is_broken_is_not_trusted(tmp_path):
    for text in ("", "{}", '{"spec": 1}', "\udcff"):
        (tmp_path / ENGINES_FILE).write_text(text, encoding="utf-8", errors="surrogateescape")
        with pytest.raises(Untrusted, match=ENGINES_FILE):
            read_engines(tmp_path)
    with pytest.raises(BadInput, match="no file's name"):
        Engine("../an.engine", "", "", "tensorrt", "10.3", "8.7")


@pytest.mark.parametrize(
    ("told", "release"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30\n", "550.54.14"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build\n", "540.4.0"),
        ("GCC version:  gcc version 11.4.0 (Ubuntu)\n", ""),
        ("", ""),
    ],
)
def test_the_drivers_release_is_read(told, release):
    assert driver_release(told) == release


@pytest.mark.parametrize("graph", ["cnn1d", "mlp", pytest.param("attention", marks=pytest.mark.slow)])
def test_the_stand_in_answers_as_onnx_defines(form_of, tmp_path, graph):
    """ONNX's own evaluator on the same graph; a rounding that falls the other way is a step of one tensor."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    source = form_of(graph, "int8-signed-activations")
    net = form_of.nets[graph]
    inputs = net.batch(5, seed=3)
    names = [spec.name for spec in net.outputs]
    model = onnx.load(source)
    model.opset_import[0].version = 19  # it has no older Q/DQ; what they do is the same
    expected = ReferenceEvaluator(model).run(names, inputs)
    get_backend("tensorrt").build(source, "int8", tmp_path, ORIN)
    answers = get_backend("tensorrt").load_stand_in(tmp_path, "int8", tuple(names), 1).run(inputs)
    for answer, wanted in zip(answers, expected, strict=True):
        assert np.abs(answer - wanted).max() < 2e-3
        assert np.median(np.abs(answer - wanted)) < 1e-5


def test_the_stand_in_adds_up_what_a_16_bit_sum_could_not(tmp_path):
    """u8 x s8 products are added in 16 bits by CPUs without VNNI: 128 steps of 127 would end at 32767."""
    g = graphs.Writer(0)
    one, zero = g.constant(np.float32(1)), g.constant(np.int8(0))
    x = g.add("DequantizeLinear", g.add("QuantizeLinear", "x", one, zero), one, zero)
    w = g.add("DequantizeLinear", g.constant(np.full((128, 4), 127, np.int8)), one, zero)
    g.add("MatMul", x, w, name="sum", out="score")
    inputs, outputs = (InputSpec("x", "float32", (128,)),), (OutputSpec("score", "regression", 4, unit="1"),)
    net = g.write(tmp_path, "sum", inputs, outputs)
    (answer,) = load_as_written(net.path, ("score",), 1).run({"x": np.full((1, 128), 200, np.float32)})
    assert np.array_equal(answer, np.full((1, 4), 128 * 127 * 127, np.float32))
