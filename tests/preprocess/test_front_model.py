"""The front as a model: names, nodes, cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgemed.preprocess import PREFIX, tensor_name, write_front
from edgemed.types import InputSpec, Step

if TYPE_CHECKING:
    import onnx

RGB = InputSpec("x", "uint8", (64, 48, 3), "HWC")
RESIZE = Step("resize", {"size": [32, 32]})
SCALE = Step("scale", {"by": "1/255"})
NORMALISE = Step("normalise", {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]})
TO_CHW = Step("layout", {"to": "CHW"})


def written(path: Path, spec: InputSpec, steps: list[Step], opset: int = 18) -> onnx.ModelProto:
    import onnx

    write_front([spec], {spec.name: steps}, path / "front.onnx", opset=opset)
    return onnx.load(path / "front.onnx")


def ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize(
    ("spec", "steps", "expected"),
    [
        (RGB, [SCALE, NORMALISE], ["Cast", "Mul", "Add"]),
        (RGB, [SCALE, NORMALISE, TO_CHW], ["Cast", "Transpose", "Mul", "Add"]),
        (RGB, [RESIZE, SCALE, NORMALISE, TO_CHW], ["Cast", "Transpose", "MatMul", "MatMul", "Mul", "Add"]),
        (RGB, [TO_CHW, Step("layout", {"to": "HWC"})], ["Cast"]),
        (InputSpec("x", "uint8", (64, 48), "HW"), [RESIZE, TO_CHW], ["Cast", "MatMul", "MatMul", "Reshape"]),
        (InputSpec("x", "uint8", (64, 48, 1), "HWC"), [TO_CHW], ["Cast", "Reshape"]),
        (InputSpec("x", "uint8", (32, 32), "HW"), [RESIZE, Step("crop", {"size": [32, 32]})], ["Cast"]),
        (InputSpec("x", "float32", (8,)), [], ["Identity"]),
        (InputSpec("x", "float32", (8,)), [Step("scale", {"by": 2})], ["Mul"]),
    ],
)  # fmt: skip
def test_no_node_is_written_that_is_not_needed(tmp_path, spec, steps, expected):
    assert ops(written(tmp_path, spec, steps)) == expected


def test_several_inputs_each_have_their_own_steps(tmp_path):
    import onnxruntime

    table = InputSpec("table", "float32", (2,))
    front = tmp_path / "front.onnx"
    write_front([RGB, table], {"x": [SCALE]}, front, opset=17)
    session = onnxruntime.InferenceSession(front, providers=["CPUExecutionProvider"])
    picture = np.full((1, 64, 48, 3), 255, np.uint8)
    values = np.array([[1.5, -2]], np.float32)
    got = session.run([tensor_name("x"), tensor_name("table")], {"x": picture, "table": values})
    np.testing.assert_allclose(got[0], 1, atol=1e-6)
    np.testing.assert_array_equal(got[1], values)


@pytest.mark.parametrize("opset", [11, 13, 18, 20])
def test_opset_ir_and_names(tmp_path, opset):
    model = written(tmp_path, RGB, [RESIZE, Step("z_score"), TO_CHW], opset)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert model.ir_version <= 10
    assert all(node.name.startswith(PREFIX) for node in model.graph.node)
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)
    assert "Resize" not in ops(model)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "float16"])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_raw_types_are_taken_by_both_runtimes(tmp_path, dtype, runtime):
    spec = InputSpec("x", dtype, (3, 5, 4), "CHW")
    steps = [
        Step("pad", {"size": [8, 8], "value": 1}), Step("crop", {"size": [6, 6]}), NORMALISE,
        Step("rgb_to_gray"), Step("window", {"level": 50, "width": 200}), Step("z_score"),
        Step("gray_to_rgb"), Step("clip", {"min": -1.5}), Step("layout", {"to": "HWC"}),
    ]  # fmt: skip
    written(tmp_path, spec, steps)
    batch = np.random.default_rng(0).integers(0, 127, (2, 3, 5, 4)).astype(dtype)
    result = _run(tmp_path / "front.onnx", batch, runtime)
    x = np.pad(batch.astype(np.float64), [(0, 0), (0, 0), (1, 2), (2, 2)], constant_values=1)[:, :, 1:7, 1:7]
    x = (x - np.reshape([0.5, 0.4, 0.3], (3, 1, 1))) / np.reshape([0.2, 0.3, 0.4], (3, 1, 1))
    x = np.tensordot(x, [0.299, 0.587, 0.114], (1, 0))
    x = np.clip((x - 50) / 200 + 0.5, 0, 1)
    x = (x - x.mean((1, 2), keepdims=True)) / (x.std((1, 2), keepdims=True) + 1e-6)
    np.testing.assert_allclose(result, np.stack([np.maximum(x, -1.5)] * 3, -1), atol=1e-5)


def _run(front: Path, batch: np.ndarray, runtime: str) -> np.ndarray:
    if runtime == "onnxruntime":
        import onnxruntime

        session = onnxruntime.InferenceSession(front, providers=["CPUExecutionProvider"])
        return session.run(None, {"x": batch})[0]
    import openvino

    compiled = openvino.Core().compile_model(front, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled({"x": batch})[0]
