"""attach: the merged graph gives what front and core give one after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.preprocess import PREFIX, attach, tensor_name, write_front
from edgemed.types import InputSpec, Step

GRAY = InputSpec("image", "uint8", (28, 28), "HW")
STEPS = [
    Step("resize", {"size": [16, 16]}),
    Step("scale", {"by": "1/255"}),
    Step("z_score"),
    Step("layout", {"to": "CHW"}),
]


def conv_core(path: Path, opset: int = 18, batch: str | int = "n", elem: str = "float32") -> Path:
    """image (batch, 1, 16, 16) -> Conv -> scores (batch, 4, 14, 14)."""
    import onnx
    from onnx import helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(4, 1, 3, 3)).astype(elem)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(elem))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["scores"], name="conv")],
        "core",
        [helper.make_tensor_value_info("image", kind, [batch, 1, 16, 16])],
        [helper.make_tensor_value_info("scores", kind, [batch, 4, 14, 14])],
        initializer=[numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save_model(model, path)
    return path


def run(path: Path, **feeds: np.ndarray) -> list[np.ndarray]:
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)


def loaded(path: Path):
    import onnx

    onnx.checker.check_model(str(path), full_check=True)
    return onnx.load(path)


@pytest.mark.parametrize("opset", [11, 13, 18, 20])
def test_attached_is_front_then_core(tmp_path, x_rays, opset):
    core = conv_core(tmp_path / "core.onnx", opset)
    front, out = tmp_path / "front.onnx", tmp_path / "out.onnx"
    write_front([GRAY], {"image": STEPS}, front, opset=opset)
    attach(core, [GRAY], {"image": STEPS}, out)
    expected = run(core, image=run(front, image=x_rays)[0])[0]
    np.testing.assert_array_equal(run(out, image=x_rays)[0], expected)
    model = loaded(out)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert [value.name for value in model.graph.input] == ["image"]
    assert [node.name for node in model.graph.node if not node.name.startswith(PREFIX)] == ["conv"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"


def test_openvino_agrees(tmp_path, x_rays):
    import openvino

    out = tmp_path / "out.onnx"
    attach(conv_core(tmp_path / "core.onnx"), [GRAY], {"image": STEPS}, out)
    compiled = openvino.Core().compile_model(out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled({"image": x_rays})[0], run(out, image=x_rays)[0], atol=1e-4)


def test_a_fixed_batch_stays(tmp_path):
    out = tmp_path / "out.onnx"
    attach(conv_core(tmp_path / "core.onnx", batch=1), [GRAY], {"image": STEPS}, out)
    assert loaded(out).graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1


def test_without_steps_float32_is_left_alone(tmp_path):
    core, out = conv_core(tmp_path / "core.onnx"), tmp_path / "out.onnx"
    attach(core, [InputSpec("image", "float32", (1, 16, 16), "CHW")], {}, out)
    assert loaded(out).graph == loaded(core).graph


def test_without_steps_uint8_is_cast(tmp_path, x_rays):
    core, out = conv_core(tmp_path / "core.onnx"), tmp_path / "out.onnx"
    attach(core, [InputSpec("image", "uint8", (1, 16, 16), "CHW")], {}, out)
    raw = x_rays[:, None, :16, :16]
    assert [node.op_type for node in loaded(out).graph.node] == ["Cast", "Conv"]
    np.testing.assert_array_equal(run(out, image=raw)[0], run(core, image=raw.astype(np.float32))[0])


def test_a_float16_core_is_given_float16(tmp_path, x_rays):
    core, out = conv_core(tmp_path / "core.onnx", elem="float16"), tmp_path / "out.onnx"
    attach(core, [GRAY], {"image": STEPS}, out)
    casts = [node for node in loaded(out).graph.node if node.op_type == "Cast"]
    assert len(casts) == 2
    assert casts[-1].output[0] == tensor_name("image")
    assert run(out, image=x_rays)[0].dtype == np.float16


@pytest.mark.slow
def test_scikit_learn_keeps_its_domain(tmp_path):
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression

    table, labels = load_breast_cancer(return_X_y=True)
    table = table.astype(np.float32)
    mean, std = table.mean(0), table.std(0)
    classifier = LogisticRegression().fit((table - mean) / std, labels)
    core, out = tmp_path / "core.onnx", tmp_path / "out.onnx"
    core.write_bytes(
        to_onnx(classifier, table[:1], target_opset=18, options={"zipmap": False}).SerializeToString()
    )
    steps = [Step("normalise", {"mean": mean.tolist(), "std": std.tolist()})]
    attach(core, [InputSpec("X", "float32", (30,))], {"X": steps}, out)
    assert "ai.onnx.ml" in {entry.domain for entry in loaded(out).opset_import}
    np.testing.assert_array_equal(run(out, X=table)[0], classifier.predict((table - mean) / std))


def test_several_inputs_and_a_subgraph(tmp_path):
    """The branches of an If read the input from outside; old exporters list weights among the inputs."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def branch(op: str, constant: str) -> onnx.GraphProto:
        node = helper.make_node(op, ["a", constant], [f"{op}_out"])
        return helper.make_graph([node], op, [], [helper.make_tensor_value_info(f"{op}_out", 1, None)])

    graph = helper.make_graph(
        [
            helper.make_node(
                "If", ["flag"], ["r"], then_branch=branch("Add", "w"), else_branch=branch("Mul", "w")
            ),
            helper.make_node("Add", ["r", "b"], ["out"]),
        ],
        "core",
        [
            helper.make_tensor_value_info("b", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1]),
            helper.make_tensor_value_info("a", TensorProto.FLOAT, ["n", 3]),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3])],
        initializer=[
            numpy_helper.from_array(np.array(True), "flag"),
            numpy_helper.from_array(np.array([10], np.float32), "w"),
        ],
    )
    core, out = tmp_path / "core.onnx", tmp_path / "out.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), core)
    specs = [InputSpec("a", "int16", (3,)), InputSpec("b", "float32", (3,))]
    attach(core, specs, {"a": [Step("scale", {"by": 2})]}, out)
    assert [value.name for value in loaded(out).graph.input] == ["b", "w", "a"]
    a, b = np.array([[1, 2, 3]], np.int16), np.array([[0.5, 0, 0]], np.float32)
    np.testing.assert_array_equal(run(out, a=a, b=b)[0], a * 2 + 10 + b)


def test_shapes_that_do_not_fit_are_refused(tmp_path):
    core = conv_core(tmp_path / "core.onnx")
    with pytest.raises(BadInput, match=r"\['batch', 16, 16\].*\['n', 1, 16, 16\]") as caught:
        attach(core, [GRAY], {"image": STEPS[:-1]}, tmp_path / "out.onnx")
    assert caught.value.where == "inputs.image"
    assert not (tmp_path / "out.onnx").exists()


def test_a_second_front_is_refused(tmp_path):
    once = tmp_path / "once.onnx"
    attach(conv_core(tmp_path / "core.onnx"), [GRAY], {"image": STEPS}, once)
    with pytest.raises(BadInput, match="already has preprocessing"):
        attach(once, [GRAY], {"image": STEPS}, tmp_path / "twice.onnx")
