"""scale_endings: logits are divided, whatever makes probabilities of them, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.sources.ending import PREFIX
from edgemed.sources.reference import reference_session
from edgemed.sources.scaled_ending import Logits, scale_endings
from edgemed.types import OutputSpec

onnx = pytest.importorskip("onnx")

SAMPLES = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
TEMPERATURE = 2.5
SCORE = OutputSpec("y", "binary", 1)
PAIR = OutputSpec("y", "binary", 2)
CLASSES = OutputSpec("y", "multiclass", 3)
FINDINGS = OutputSpec("y", "multilabel", 3)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def softmax(values):
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


ENDINGS = {
    "sigmoid": (["Sigmoid"], sigmoid),
    "softmax": (["Softmax"], softmax),
    "behind": (["Softmax", "Identity", "Unsqueeze", "Squeeze"], softmax),
    "hidden softmax": (["LogSoftmax", "Exp"], softmax),
    "hidden sigmoid": (["Softplus", "Neg", "Exp", "Neg", "Add"], lambda z: 1 - np.exp(-np.log1p(np.exp(z)))),
}


def _graph(path: Path, columns: int, operators: list[str], *, also: str = "", double: bool = False):
    """x -> MatMul -> operators -> y; `also` is another output: "y", or a tensor by its operator.

    Gives the file and the logits of `SAMPLES`.
    """
    helper, dtype = onnx.helper, np.float64 if double else np.float32
    weight = np.random.default_rng(columns).normal(size=(4, columns)).astype(dtype)
    constants = {"w": weight, "one": np.ones(1, dtype), "axis": np.array([2])}
    extra = {"Add": ["one"], "Unsqueeze": ["axis"], "Squeeze": ["axis"]}
    chain = [("Cast", []), ("MatMul", ["w"])] if double else [("MatMul", ["w"])]
    chain += [(operator, extra.get(operator, [])) for operator in operators]
    chain += [("Cast", [])] if double else []
    nodes, value, made = [], "x", {}
    for number, (operator, inputs) in enumerate(chain):
        last = number == len(chain) - 1
        target = "y" if last else f"{operator}{number}_out"
        to = {"to": 1 if last else 11} if operator == "Cast" else {}
        nodes.append(helper.make_node(operator, [value, *inputs], [target], f"{operator}{number}", **to))
        value = made[operator] = target
    floats, doubles = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    outputs = [helper.make_tensor_value_info("y", floats, ["n", columns])]
    if also:
        nodes.append(helper.make_node("Mul", [made.get(also, "y"), "two"], ["twice"], "Twice"))
        constants["two"] = np.array(2, dtype)
        outputs.append(helper.make_tensor_value_info("twice", doubles if double else floats, ["n", columns]))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", floats, ["n", 4])], outputs,
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path, SAMPLES.astype(dtype) @ weight


@pytest.mark.parametrize(
    ("ending", "spec"),
    [
        ("sigmoid", SCORE), ("sigmoid", PAIR), ("sigmoid", FINDINGS), ("softmax", PAIR), ("softmax", CLASSES),
        ("behind", CLASSES), ("hidden softmax", CLASSES), ("hidden softmax", PAIR),
        ("hidden sigmoid", SCORE), ("hidden sigmoid", FINDINGS),
    ],
    ids=lambda each: each if isinstance(each, str) else f"{each.kind}{each.columns}",
)  # fmt: skip
@pytest.mark.parametrize("double", [False, True], ids=["float", "double"])
def test_probabilities_are_those_of_the_divided_logits(tmp_path: Path, ending, spec, double: bool):
    operators, formula = ENDINGS[ending]
    path, logits = _graph(tmp_path / "m.onnx", spec.columns, operators, double=double)
    scale_endings(path, (spec,), {"y": TEMPERATURE}, tmp_path / "scaled.onnx")
    (scaled,) = reference_session(tmp_path / "scaled.onnx").run(["y"], {"x": SAMPLES})
    assert np.allclose(scaled, formula(logits / TEMPERATURE), atol=2e-6)
    assert scaled.dtype == np.float32

    found = np.stack([Logits(path, (spec,)).of({"x": row})["y"] for row in SAMPLES])
    expected = logits[:, 1:] - logits[:, :1] if spec == PAIR and "softmax" in ending else logits
    if spec == PAIR and ending == "sigmoid":
        expected = logits[:, 1:]
    if ending == "hidden softmax" and spec == CLASSES:
        expected = np.log(softmax(logits))
    assert np.allclose(found, expected, atol=1e-4 if "hidden" in ending else 1e-5)


def test_a_plain_ending_gets_one_multiplication_in_front(tmp_path: Path):
    path, _ = _graph(tmp_path / "m.onnx", 3, ["Softmax"])
    scale_endings(path, (CLASSES,), {"y": TEMPERATURE}, tmp_path / "scaled.onnx")
    nodes = onnx.load(tmp_path / "scaled.onnx").graph.node
    assert [node.op_type for node in nodes] == ["MatMul", "Mul", "Softmax"]
    assert nodes[1].name.startswith(PREFIX)


@pytest.mark.parametrize("also", ["Sigmoid", "y"])
def test_what_else_reads_the_probabilities_reads_those_before(tmp_path: Path, also: str):
    path, logits = _graph(tmp_path / "m.onnx", 1, ["Sigmoid", "Identity"], also=also)
    scale_endings(path, (SCORE,), {"y": TEMPERATURE}, tmp_path / "scaled.onnx")
    scaled, twice = reference_session(tmp_path / "scaled.onnx").run(["y", "twice"], {"x": SAMPLES})
    assert np.allclose(scaled, sigmoid(logits / TEMPERATURE), atol=1e-6)
    assert np.allclose(twice, 2 * sigmoid(logits), atol=1e-6)


def test_what_else_reads_the_logits_reads_them_undivided(tmp_path: Path):
    path, logits = _graph(tmp_path / "m.onnx", 1, ["Sigmoid"], also="MatMul")
    scale_endings(path, (SCORE,), {"y": TEMPERATURE}, tmp_path / "scaled.onnx")
    scaled, twice = reference_session(tmp_path / "scaled.onnx").run(["y", "twice"], {"x": SAMPLES})
    assert np.allclose(scaled, sigmoid(logits / TEMPERATURE), atol=1e-6)
    assert np.allclose(twice, 2 * logits, atol=1e-5)


def test_certain_probabilities_stay_finite(tmp_path: Path):
    path, _ = _graph(tmp_path / "m.onnx", 3, ["LogSoftmax", "Exp"])
    scale_endings(path, (CLASSES,), {"y": TEMPERATURE}, tmp_path / "scaled.onnx")
    (scaled,) = reference_session(tmp_path / "scaled.onnx").run(["y"], {"x": SAMPLES * 1e3})
    assert np.isfinite(scaled).all()
    assert np.allclose(scaled.sum(axis=1), 1)


def test_outputs_without_a_temperature_stay_as_they_are(tmp_path: Path):
    path, _ = _graph(tmp_path / "m.onnx", 1, ["Sigmoid"], also="MatMul")
    scale_endings(path, (SCORE, OutputSpec("twice", "regression", 1)), {}, tmp_path / "scaled.onnx")
    assert onnx.load(tmp_path / "scaled.onnx") == onnx.load(path)
    logits = Logits(path, (SCORE, OutputSpec("twice", "regression", 1)))
    assert list(logits.of({"x": SAMPLES[0]})) == ["y"]
