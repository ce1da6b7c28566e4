"""finish: endings found, appended, and contradictions refused."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.sources import finish
from edgemed.sources.reference import reference_session
from edgemed.types import OutputRecipe, OutputSpec

onnx = pytest.importorskip("onnx")

SAMPLES = {"x": np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32) * 3}


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def softmax(values):
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


ENDINGS = {
    "logits": lambda z: z,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "softmax_reshaped": softmax,
    "hidden_softmax": softmax,
}


@pytest.fixture
def made(tmp_path):
    """`made(columns, ending, rank)`: MODEL.onnx with one output `y`, and its logits on SAMPLES."""

    def make(columns=3, ending="logits", rank=2):
        helper = onnx.helper
        weight = np.random.default_rng(1).normal(size=(4, columns)).astype(np.float32)
        constants = [onnx.numpy_helper.from_array(weight, "w")]
        nodes = [("MatMul", ["x", "w"], {})]
        if ending == "sigmoid":
            nodes.append(("Sigmoid", [], {}))
        if ending in ("softmax", "softmax_reshaped"):
            nodes.append(("Softmax", [], {"axis": 1}))
        if ending == "softmax_reshaped":
            constants.append(onnx.numpy_helper.from_array(np.array([-1, columns]), "s"))
            nodes += [("Identity", [], {}), ("Reshape", ["s"], {})]
        if ending == "hidden_softmax":
            nodes += [("LogSoftmax", [], {"axis": 1}), ("Exp", [], {})]
        if rank == 1:
            constants.append(onnx.numpy_helper.from_array(np.array([1]), "a"))
            nodes.append(("Squeeze", ["a"], {}))
        if rank == 4:
            constants.append(onnx.numpy_helper.from_array(np.array([2, 3]), "a"))
            nodes.append(("Unsqueeze", ["a"], {}))
        made, value = [], None
        for i, (operator, extra, attributes) in enumerate(nodes):
            inputs = extra if value is None else [value, *extra]
            value = "y" if i == len(nodes) - 1 else f"v{i}"
            made.append(helper.make_node(operator, inputs, [value], name=f"n{i}", **attributes))
        shape = {1: ["batch"], 2: ["batch", columns], 4: ["batch", columns, 1, 1]}[rank]
        graph = helper.make_graph(
            made, "g", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 4])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape)], constants,
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.save(model, str(tmp_path / "in.onnx"))
        return SAMPLES["x"] @ weight

    return make


def finished(tmp_path, recipe=None):
    recipes = {"y": recipe} if recipe else {}
    specs = finish(tmp_path / "in.onnx", tmp_path / "out.onnx", recipes, SAMPLES)
    model = onnx.load(str(tmp_path / "out.onnx"))
    value = reference_session(tmp_path / "out.onnx").run(None, SAMPLES)[0]
    output = model.graph.output[0].type.tensor_type
    assert output.elem_type == onnx.TensorProto.FLOAT
    assert [d.dim_param or d.dim_value for d in output.shape.dim] == ["batch", specs[0].columns]
    assert value.shape == (7, specs[0].columns)
    added = [node.op_type for node in model.graph.node if node.name.startswith("edgemed/ending/")]
    return specs[0], value, added


@pytest.mark.parametrize(
    ("columns", "ending", "kind", "added"),
    [
        (1, "logits", "binary", ["Sigmoid"]),
        (2, "logits", "binary", ["Softmax"]),
        (3, "logits", "multiclass", ["Softmax"]),
        (1, "sigmoid", "binary", []),
        (3, "sigmoid", "multilabel", []),
        (2, "softmax", "binary", []),
        (3, "softmax", "multiclass", []),
        (3, "softmax_reshaped", "multiclass", []),
        (3, "hidden_softmax", "multiclass", []),
        (2, "hidden_softmax", "binary", []),
    ],
)
def test_ending_and_kind_are_found(columns, ending, kind, added, made, tmp_path):
    logits = made(columns, ending)
    spec, value, nodes = finished(tmp_path)
    assert spec == OutputSpec("y", kind, columns)
    assert nodes == added
    last = {"Sigmoid": sigmoid, "Softmax": softmax}.get(added[0] if added else "", ENDINGS[ending])
    np.testing.assert_allclose(value, last(logits), atol=1e-5)


@pytest.mark.parametrize(("rank", "columns"), [(1, 1), (4, 1), (4, 3)])
def test_other_ranks_become_columns(rank, columns, made, tmp_path):
    logits = made(columns, rank=rank)
    _, value, nodes = finished(tmp_path)
    assert nodes[0] == "Reshape"
    np.testing.assert_allclose(value, sigmoid(logits) if columns == 1 else softmax(logits), atol=1e-5)


def test_the_recipe_decides(made, tmp_path):
    logits = made(3)
    spec, value, nodes = finished(
        tmp_path, OutputRecipe(kind="multilabel", labels=("a", "b", "c"), threshold=0.3)
    )
    assert spec == OutputSpec("y", "multilabel", 3, ("a", "b", "c"), 0.3)
    assert nodes == ["Sigmoid"]
    np.testing.assert_allclose(value, sigmoid(logits), atol=1e-5)
    spec, value, nodes = finished(tmp_path, OutputRecipe(kind="regression", unit="mL"))
    assert spec == OutputSpec("y", "regression", 3, unit="mL")
    assert nodes == []
    np.testing.assert_allclose(value, logits, atol=1e-5)
    assert finished(tmp_path, OutputRecipe(ending="values"))[0].kind == "regression"
    made(2)
    assert finished(tmp_path, OutputRecipe(kind="multiclass"))[0].kind == "multiclass"
    made(3, "hidden_softmax")
    _, value, nodes = finished(tmp_path, OutputRecipe(ending="logits"))
    assert nodes == ["Softmax"]


@pytest.mark.parametrize(
    ("columns", "ending", "recipe", "message"),
    [
        (3, "softmax", {"kind": "multilabel"}, "multilabel and a softmax ending"),
        (3, "sigmoid", {"kind": "multiclass"}, "multiclass and a sigmoid ending"),
        (3, "logits", {"kind": "binary"}, "3 columns"),
        (1, "logits", {"kind": "multiclass"}, "one column"),
        (1, "softmax", {}, "always 1"),
        (3, "softmax", {"ending": "logits"}, "ends in softmax"),
        (3, "sigmoid", {"ending": "softmax"}, "ends in sigmoid"),
        (3, "logits", {"ending": "sigmoid"}, "but values reach"),
        (3, "sigmoid", {"ending": "values", "kind": "multilabel"}, "contradict"),
        (3, "logits", {"ending": "logits", "kind": "regression"}, "contradict"),
        (3, "logits", {"labels": ("a", "b")}, r"2 labels for an output of 3 columns \(multiclass\)"),
        (1, "logits", {"labels": ("a", "b", "c")}, "3 labels"),
    ],
)
def test_contradictions_are_refused(columns, ending, recipe, message, made, tmp_path):
    made(columns, ending)
    with pytest.raises(BadInput, match=message):
        finish(tmp_path / "in.onnx", tmp_path / "out.onnx", {"y": OutputRecipe(**recipe)}, SAMPLES)
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize(
    ("columns", "recipe", "message"),
    [
        (1, {"labels": ("sick",)}, r"1 labels for an output of 1 columns \(binary\)"),
        (2, {"labels": ("0", "2")}, "label '2' names class 1"),
        (3, {"labels": ("1", "2", "3")}, "label '1' names class 0"),
        (3, {"labels": ("0.0", "mild", "1.0")}, r"label '1\.0' names class 2"),
    ],
)
def test_labels_that_do_not_name_the_classes_are_refused(columns, recipe, message, made, tmp_path):
    made(columns)
    with pytest.raises(BadInput, match=message) as caught:
        finish(tmp_path / "in.onnx", tmp_path / "out.onnx", {"y": OutputRecipe(**recipe)}, SAMPLES)
    assert caught.value.where == "outputs.y.labels"
    assert "2 labels" in caught.value.remedy or "grade" in caught.value.remedy


@pytest.mark.parametrize(
    ("kind", "labels"),
    [("multiclass", ("0", "1", "2")), ("multilabel", ("5", "6", "7")), ("multiclass", ("normal", "1", "x2"))],
)
def test_numbers_that_say_what_they_mean_are_labels(kind, labels, made, tmp_path):
    made(3)
    assert finished(tmp_path, OutputRecipe(kind=kind, labels=labels))[0].labels == labels


def test_few_samples_are_no_reason_to_guess(made, tmp_path):
    made(1, "sigmoid")
    model = onnx.load(str(tmp_path / "in.onnx"))
    model.graph.node[-1].output[0] = "p"
    model.graph.node.append(onnx.helper.make_node("Mul", ["p", "p"], ["y"], name="square"))
    onnx.save(model, str(tmp_path / "in.onnx"))
    two = {"x": SAMPLES["x"][:2]}
    with pytest.raises(BadInput, match="on all 2 samples: probabilities or logits"):
        finish(tmp_path / "in.onnx", tmp_path / "out.onnx", {}, two)


def test_softmaxes_side_by_side_are_not_one(made, tmp_path):
    made(6)
    model = onnx.load(str(tmp_path / "in.onnx"))
    model.graph.node[-1].output[0] = "z"
    for name, shape in (("pairs", [-1, 3, 2]), ("flat", [-1, 6])):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape), name))
    for operator, inputs, output in (
        ("Reshape", ["z", "pairs"], "zz"),
        ("Softmax", ["zz"], "pp"),
        ("Reshape", ["pp", "flat"], "y"),
    ):
        model.graph.node.append(onnx.helper.make_node(operator, inputs, [output], name=output))
    onnx.save(model, str(tmp_path / "in.onnx"))
    with pytest.raises(BadInput, match="the 6 columns of output y do not sum to 1"):
        finish(tmp_path / "in.onnx", tmp_path / "out.onnx", {}, SAMPLES)


def test_an_unknown_output_is_refused(made, tmp_path):
    made()
    with pytest.raises(BadInput, match="no output 'yy'") as caught:
        finish(tmp_path / "in.onnx", tmp_path / "out.onnx", {"yy": OutputRecipe()}, SAMPLES)
    assert "'y'" in caught.value.remedy
