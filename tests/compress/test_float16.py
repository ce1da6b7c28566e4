"""fp16: same contract, near answers, and the nodes that stay in fp32."""

from __future__ import annotations

import graphs
import numpy as np
import pytest

from edgemed.compress import write_float16
from edgemed.compress.keep_float import float_nodes
from edgemed.types import InputSpec, OutputSpec

GRAPHS = ("cnn1d", "residual2d", "gru", "attention", "fusion", "heads", "mlp", "mobile")
HALF = 10
LAYERS = ("Conv", "Gemm", "MatMul", "GRU")


@pytest.fixture(params=GRAPHS)
def written(request: pytest.FixtureRequest, net_of, tmp_path):
    """(net, the fp16 model, its path)."""
    import onnx

    net = net_of(request.param)
    write_float16(net.path, tmp_path / "float16.onnx")
    return net, onnx.load(tmp_path / "float16.onnx"), tmp_path / "float16.onnx"


def test_the_model_is_valid_and_keeps_its_contract(written):
    import onnx

    net, model, _ = written
    original = onnx.load(net.path)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import == original.opset_import
    for mine, wanted in (
        (model.graph.input, original.graph.input),
        (model.graph.output, original.graph.output),
    ):
        assert [(v.name, v.type.tensor_type.elem_type) for v in mine] == [
            (v.name, v.type.tensor_type.elem_type) for v in wanted
        ]


def test_weights_are_in_fp16_and_kept_nodes_in_fp32(written):
    import onnx

    net, model, _ = written
    constants = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    types = constants | {
        v.name: v.type.tensor_type.elem_type for v in (*inferred.graph.value_info, *model.graph.input)
    }
    kept = set(float_nodes(net.path))
    nodes = {node.name: node for node in model.graph.node}
    assert kept <= set(nodes)
    for name in kept:
        assert HALF not in {types.get(tensor) for tensor in nodes[name].input}
    layers = [
        n for n in model.graph.node if n.op_type in LAYERS and n.name not in kept and n.input[1] in constants
    ]
    assert layers
    assert {types[node.input[1]] for node in layers} == {HALF}


def test_answers_are_near_and_differ(written):
    import onnxruntime as ort

    net, _, path = written
    batch = net.batch(16, seed=3)
    exact, half = (ort.InferenceSession(each).run(None, batch) for each in (net.path, path))
    for a, b in zip(exact, half, strict=True):
        assert b.dtype == np.float32
        assert np.abs(a - b).max() < 5e-3 * max(1.0, float(np.abs(a).max()))
    assert any(not np.array_equal(a, b) for a, b in zip(exact, half, strict=True))


def test_casts_of_the_graph_itself_stay(tmp_path):
    """Rounding by way of an integer is part of what the model computes."""
    import onnxruntime as ort
    from onnx import TensorProto

    g = graphs.Writer(0)
    x = g.add("Cast", "table", name="down", to=TensorProto.INT32)
    x = g.add("Cast", x, name="up", to=TensorProto.FLOAT)
    g.sigmoid(g.gemm(g.relu(g.gemm(x, 4, 8)), 8, 1), "score")
    spec = (InputSpec("table", "float32", (4,)),)
    net = g.write(tmp_path, "rounded", spec, (OutputSpec("score", "binary", 1),))
    write_float16(net.path, tmp_path / "float16.onnx")
    table = np.full((1, 4), 0.9, np.float32)
    exact, half = (
        ort.InferenceSession(each).run(None, {"table": table})[0]
        for each in (net.path, tmp_path / "float16.onnx")
    )
    whole = ort.InferenceSession(net.path).run(None, {"table": np.zeros_like(table)})[0]
    assert np.array_equal(exact, whole)
    assert np.abs(half - whole).max() < 1e-3


def test_scores_near_one_stay_apart(tmp_path):
    import onnxruntime as ort

    g = graphs.Writer(0)
    x = g.relu(g.gemm("table", 4, 8))
    g.sigmoid(g.gemm(x, 8, 1), "score")
    spec = (InputSpec("table", "float32", (4,)),)
    net = g.write(tmp_path, "steep", spec, (OutputSpec("score", "binary", 1),))
    write_float16(net.path, tmp_path / "float16.onnx")
    tables = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32) * 4
    exact, half = (
        ort.InferenceSession(each).run(None, {"table": tables})[0]
        for each in (net.path, tmp_path / "float16.onnx")
    )
    near = ((exact > 0.9998) | (exact < 1e-4)) & (exact < 1) & (exact > 1e-7)
    assert near.sum() > 3
    assert len(np.unique(half[near])) > near.sum() / 2
