"""Originals in float16 are brought to float32, where int8 scales can be found."""

from __future__ import annotations

import graphs
import numpy as np
import pytest

from edgemed.compress import find_scales, write_uint8_activations
from edgemed.errors import ToolFailure
from edgemed.sources import check_parity, load_trained_model
from edgemed.sources.float16 import NOTE, widen_float16
from edgemed.sources.parity import random_batch
from edgemed.types import ModelSpec, QuantiseSpec

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
HALF = onnx.TensorProto.FLOAT16


@pytest.fixture(params=["pure", "mixed"])
def half(request, tmp_path):
    """(net, a float16 original of it): everything in float16, or float32 ends and Relus between Casts."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    net = graphs.fusion(tmp_path)
    mixed = request.param == "mixed"
    model = convert_float_to_float16(
        onnx.shape_inference.infer_shapes(onnx.load(net.path)),
        keep_io_types=mixed,
        op_block_list=["Relu"] if mixed else [],
    )
    onnx.save(model, tmp_path / "half.onnx")
    return net, load_trained_model(ModelSpec("half.onnx"), tmp_path)


def exported(trained, net, folder):
    trained.export(net.inputs, folder / "out.onnx")
    return onnx.load(folder / "out.onnx")


def test_it_becomes_float32_without_casts_and_says_so(half, tmp_path):
    net, trained = half
    model = exported(trained, net, tmp_path)
    assert trained.notes == (NOTE,)
    assert [node.op_type for node in model.graph.node] == [
        node.op_type for node in onnx.load(net.path).graph.node
    ]
    values = (*model.graph.input, *model.graph.output, *model.graph.value_info)
    assert HALF not in {value.type.tensor_type.elem_type for value in values}
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for tensor in onnx.load(tmp_path / "half.onnx").graph.initializer:
        np.testing.assert_array_equal(weights[tensor.name], onnx.numpy_helper.to_array(tensor))


def test_int8_scales_are_found_for_it(half, tmp_path):
    import onnxruntime as ort

    net, trained = half
    exported(trained, net, tmp_path)
    spec = QuantiseSpec(samples=8)
    find_scales(tmp_path / "out.onnx", net.samples(8), spec, seed=0, saturates=True, out=tmp_path)
    write_uint8_activations(tmp_path / "out.onnx", tmp_path, tmp_path / "qdq.onnx")
    ort.InferenceSession(tmp_path / "qdq.onnx").run(None, net.batch(2))
    operators = [node.op_type for node in onnx.load(tmp_path / "qdq.onnx").graph.node]
    assert operators.count("QuantizeLinear") >= operators.count("Conv") == 2


def test_parity_allows_its_rounding_and_nothing_larger(half, tmp_path):
    net, trained = half
    model = exported(trained, net, tmp_path)
    batches = [random_batch(net.inputs, rows, seed=rows) for rows in (1, 2, 20)]
    parity = check_parity(trained, tmp_path / "out.onnx", batches)
    assert 0 < parity.difference < parity.tolerance
    weight = next(each for each in model.graph.initializer if len(each.dims) == 4)
    values = onnx.numpy_helper.to_array(weight) * np.float32(1.2)
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, tmp_path / "out.onnx")
    with pytest.raises(ToolFailure, match="differs from the original"):
        check_parity(trained, tmp_path / "out.onnx", batches)


@pytest.mark.slow
def test_a_pt2_that_computes_in_float16(tmp_path):
    import torch

    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(1, 4, 3).half()
            self.head = torch.nn.Linear(4, 2)

        def forward(self, image):
            return self.head(torch.relu(self.conv(image.half())).mean((2, 3)).float())

    rows = {0: torch.export.Dim("rows")}
    program = torch.export.export(Half().eval(), (torch.zeros(2, 1, 8, 8),), dynamic_shapes=(rows,))
    torch.export.save(program, tmp_path / "half.pt2")
    trained = load_trained_model(ModelSpec("half.pt2"), tmp_path)
    inputs = trained.input_specs()
    trained.export(inputs, tmp_path / "out.onnx")
    check_parity(trained, tmp_path / "out.onnx", [random_batch(inputs, 3, seed=0)])
    assert trained.notes == (NOTE,)
    assert "Cast" not in {node.op_type for node in onnx.load(tmp_path / "out.onnx").graph.node}


def _widened(nodes, outputs):
    """A graph that takes `x`, 4 values in float16, brought to float32; and its answer."""
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info("x", HALF, ["n", 4])]
    ends += [helper.make_tensor_value_info(name, kind, ["n", 4]) for name, kind in outputs.items()]
    yes = onnx.numpy_helper.from_array(np.array(True), "yes")
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [yes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    assert widen_float16(model)
    onnx.checker.check_model(model, full_check=True)
    x = np.array([[-2, -1, 0.5, 3]], np.float32)
    answers = reference.ReferenceEvaluator(model).run(None, {"x": x})
    assert [value.name for value in model.graph.output] == list(outputs)
    assert {value.type.tensor_type.elem_type for value in model.graph.output} == {TensorProto.FLOAT}
    return answers, [node.op_type for node in model.graph.node]


def test_a_cast_between_two_outputs_stays():
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Relu", ["x"], ["half"]),
        helper.make_node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
    ]
    (half, whole), kinds = _widened(nodes, {"half": HALF, "whole": TensorProto.FLOAT})
    assert half.tolist() == whole.tolist() == [[0, 0, 0.5, 3]]
    assert kinds == ["Relu", "Cast"]


def test_a_cast_at_the_end_hands_its_name_on():
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Relu", ["x"], ["half"]),
        helper.make_node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
    ]
    (whole,), kinds = _widened(nodes, {"whole": TensorProto.FLOAT})
    assert whole.tolist() == [[0, 0, 0.5, 3]]
    assert kinds == ["Relu"]


def test_branches_keep_their_outputs():
    from onnx import helper

    def branch(kind, name):
        node = helper.make_node(kind, ["x"], [name])
        return helper.make_graph([node], name, [], [helper.make_tensor_value_info(name, HALF, None)])

    node = helper.make_node(
        "If", ["yes"], ["y"], then_branch=branch("Identity", "same"), else_branch=branch("Relu", "cut")
    )
    (y,), kinds = _widened([node], {"y": HALF})
    assert y.tolist() == [[-2, -1, 0.5, 3]]
    assert kinds == ["If"]
