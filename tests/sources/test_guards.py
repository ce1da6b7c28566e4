"""Models that would answer wrongly on a device although export and original agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput, ToolFailure
from edgemed.sources import check_parity, finish, load_trained_model
from edgemed.sources.parity import agrees, random_batch
from edgemed.types import InputSpec, ModelSpec, OutputRecipe

SPEC = InputSpec("x", "float32", (4,))


def write(path: Path, nodes: list, columns: int = 1) -> Path:
    from onnx import helper, numpy_helper, save_model

    weights = np.random.default_rng(0).standard_normal((4, columns)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "W"], ["logit"], name="fc"), *nodes],
        "g",
        [helper.make_tensor_value_info("x", 1, ["batch", 4])],
        [helper.make_tensor_value_info("y", 1, ["batch", columns])],
        [
            numpy_helper.from_array(weights, "W"),
            numpy_helper.from_array(np.array(1e-6, np.float32), "low"),
            numpy_helper.from_array(np.array(1 - 1e-6, np.float32), "high"),
        ],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def node(op: str, inputs: list[str], output: str, **attributes: object):
    from onnx import helper

    return helper.make_node(op, inputs, [output], name=output, **attributes)


def test_an_answer_that_depends_on_the_batch_is_refused(tmp_path: Path):
    nodes = [
        node("ReduceMean", ["logit"], "mean", axes=[0], keepdims=1),
        node("Sub", ["logit", "mean"], "y"),
    ]
    write(tmp_path / "m.onnx", nodes)
    trained = load_trained_model(ModelSpec("m.onnx"), tmp_path)
    trained.export([SPEC], tmp_path / "out.onnx")
    with pytest.raises(BadInput, match="depends on the other samples of its batch"):
        check_parity(trained, tmp_path / "out.onnx", [random_batch([SPEC], n, n) for n in (1, 2, 5)])


def test_probabilities_behind_a_clip_are_not_taken_for_logits(tmp_path: Path):
    nodes = [node("Sigmoid", ["logit"], "p"), node("Clip", ["p", "low", "high"], "y")]
    path = write(tmp_path / "m.onnx", nodes)
    samples = random_batch([SPEC], 16, 0)
    with pytest.raises(BadInput, match="probabilities or logits") as caught:
        finish(path, tmp_path / "out.onnx", {}, samples)
    assert 'ending = "sigmoid"' in caught.value.remedy
    (spec,) = finish(path, tmp_path / "out.onnx", {"y": OutputRecipe(ending="sigmoid")}, samples)
    assert spec.kind == "binary"


def scaled(path: Path, factor: float, offset: float = 0.0) -> Path:
    """y = logit * factor + offset."""
    from onnx import load, numpy_helper, save_model

    model = load(str(write(path, [node("Mul", ["logit", "f"], "s"), node("Add", ["s", "o"], "y")])))
    for name, value in (("f", factor), ("o", offset)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    save_model(model, str(path))
    return path


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e6])
def test_a_small_unit_hides_no_difference(tmp_path: Path, unit: float):
    scaled(tmp_path / "m.onnx", unit)
    trained = load_trained_model(ModelSpec("m.onnx"), tmp_path)
    batches = [random_batch([SPEC], n, n) for n in (1, 2, 5)]
    trained.export([SPEC], tmp_path / "out.onnx")
    parity = check_parity(trained, tmp_path / "out.onnx", batches)
    assert parity.difference <= parity.tolerance < 0.01 * unit
    scaled(tmp_path / "wrong.onnx", unit * 1.05)
    with pytest.raises(ToolFailure, match="differs from the original"):
        check_parity(trained, tmp_path / "wrong.onnx", batches)


def test_values_far_away_do_not_loosen_the_check_on_real_ones(tmp_path: Path):
    scaled(tmp_path / "m.onnx", 1.0)
    scaled(tmp_path / "wrong.onnx", 1.0, 0.5)
    trained = load_trained_model(ModelSpec("m.onnx"), tmp_path)
    far = {"x": random_batch([SPEC], 5, 1)["x"] * 1e4}
    with pytest.raises(ToolFailure, match=r"by 0\.5.*batch size 16"):
        check_parity(trained, tmp_path / "wrong.onnx", [far, random_batch([SPEC], 16, 2)])
    original = [(np.array([[0.0], [1e4]]),), (np.array([[0.0], [1.0]]),)]
    other = [original[0], (np.array([[0.0], [1.5]]),)]
    assert agrees(original, original)
    assert not agrees(original, other)


def test_sure_answers_are_no_difference():
    """onnxruntime's sigmoid ends at 1.5e-8, torch's goes on; real cases may all be as sure as that."""
    certain = np.full((16, 1), 1e-13)
    assert agrees([(certain,)], [(np.full((16, 1), 1.6e-8),)])
    assert not agrees([(certain,)], [(np.full((16, 1), 1e-5),)])


def test_two_sigmoid_columns_want_a_kind(tmp_path: Path):
    path = write(tmp_path / "m.onnx", [node("Sigmoid", ["logit"], "y")], columns=2)
    samples = random_batch([SPEC], 16, 0)
    with pytest.raises(BadInput, match="two sigmoid columns"):
        finish(path, tmp_path / "out.onnx", {}, samples)
    (spec,) = finish(path, tmp_path / "out.onnx", {"y": OutputRecipe(kind="multilabel")}, samples)
    assert spec.kind == "multilabel"
