"""Pictures of other sizes and class folders: what is guessed or changed is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")
RECIPE = """
[model]
source = "net.onnx"
[inputs.image]
dtype = "uint8"
shape = [16, 20]
layout = "HW"
steps = [{ op = "layout", to = "CHW" }, { op = "scale", by = "1/255" }]
[outputs.output]
kind = "binary"
ending = "logits"
[data]
calibrate = "cal"
select = "sel"
accept = "acc"
[judge]
gate = false
"""


@pytest.fixture
def pictures(tmp_path: Path, helpers):
    rng = np.random.default_rng(0)
    for role in ("cal", "sel", "acc"):
        for index in range(12):
            path = tmp_path / role / ("normal", "sick")[index % 2] / f"{index:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            levels = rng.integers(0, 120, (16, 20)) + 100 * (index % 2)
            picture = Image.fromarray(levels.astype(np.uint8))
            if role == "acc" and index < 5:
                picture = picture.resize((60, 40))
            picture.save(path)
    _write_net(tmp_path / "net.onnx")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return helpers.Site(tmp_path)


def _write_net(path: Path) -> None:
    """The mean of a 1 x 16 x 20 picture, as one logit."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)
    kernel = np.abs(rng.standard_normal((4, 1, 3, 3))).astype(np.float32)
    weights = {"k": kernel, "w": np.ones((4, 1), np.float32), "b": np.full(1, -kernel.sum() / 2, np.float32)}
    nodes = [
        helper.make_node("Conv", ["image", "k"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 16, 20])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


@pytest.mark.slow
def test_resizing_is_said(pictures):
    done = pictures.fp32("recipe.toml", "-o", "out")
    assert done.code == 0, done.err
    words = " ".join((done.err + done.out).split())
    assert "5 of 12 of the accept set were brought from other sizes (such as 40x60) to 16x20" in words
    assert "(0 normal, 1 sick)" in words
    assert any("5 of 12" in warning for warning in pictures.report()["warnings"])
    manifest = json.loads((pictures / "out/artefacts/onnxruntime-fp32/manifest.json").read_text())
    assert any("brought to 16x20" in note for note in manifest["preprocess"]["by_readers"])

    text = pictures.run("run", "out", "acc/sick/01.png")
    assert text.code == 0, text.err
    assert "note: input image: 40x60 was brought to 16x20" in text.err
    assert len(pictures.run("run", "out", "acc/sick/01.png", "--json").json["notes"]) == 1
    assert pictures.run("run", "out", "acc/sick/11.png", "--json").json["notes"] == []
    pictures.run("run", "out", "acc").refused(2, "a folder", "acc")


@pytest.mark.slow
def test_class_folders_of_other_names_are_refused(pictures):
    (pictures / "acc/normal").rename(pictures / "acc/well")
    words = ("select: normal, sick", "accept: sick, well", 'labels = ["normal", "sick"]', "[outputs.output]")
    pictures.fp32("recipe.toml", "-o", "out").refused(2, *words)
