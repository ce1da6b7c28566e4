"""Stage `graph`: what was changed on the way in is told; what it depends on is seen."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.pipeline import compile_model
from edgemed.stages.data import check_data
from edgemed.stages.graph import make_graph
from edgemed.stages.inputs import fit_inputs
from edgemed.stages.job import Job
from edgemed.types import DataSpec, InputRecipe, ModelSpec, Recipe, Step

Image = pytest.importorskip("PIL.Image")
STEPS = (Step("layout", {"to": "CHW"}), Step("scale", {"by": "1/255"}))
RECIPE = Recipe(
    ModelSpec("model.onnx"),
    data=DataSpec(calibrate="pictures"),
    inputs={"image": InputRecipe("uint8", (8, 8), "HW", STEPS)},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`model.onnx` of 8 x 8 pictures and a folder of them, one of its files a link that leads nowhere."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(rng.standard_normal((64, 3)).astype(np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(tmp_path / "model.onnx"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "pictures").mkdir()
    for index in range(8):
        pixels = rng.integers(0, 255, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "elsewhere" / f"{index}.png")
    (tmp_path / "pictures/linked").symlink_to(tmp_path / "elsewhere")
    return tmp_path


def _cached(folder: Path, recipe: Recipe = RECIPE) -> bool:
    job = Job(recipe, folder, folder / "out")
    inputs = fit_inputs(job)
    sets, _, _ = check_data(job, inputs.raw)
    make_graph(job, inputs, sets["calibrate"])
    return job.times[-1].cached


def test_another_picture_behind_a_link_is_another_set(folder: Path):
    assert not _cached(folder)
    assert _cached(folder)
    shutil.copy(folder / "elsewhere/0.png", folder / "elsewhere/8.png")
    assert not _cached(folder)


def test_pictures_changed_behind_a_csv_are_another_set(folder: Path):
    (folder / "set.csv").write_text("path\n" + "".join(f"elsewhere/{index}.png\n" for index in range(8)))
    (folder / "train.py").write_text("def prep(image):\n    return image.clip(0, 100)[None] / 255\n")
    spec = replace(RECIPE.inputs["image"], training_function="train.py:prep")
    recipe = replace(RECIPE, data=DataSpec(calibrate="set.csv"), inputs={"image": spec})
    for path in sorted((folder / "elsewhere").iterdir()):
        Image.fromarray(np.asarray(Image.open(path)) // 3).save(path)
    assert not _cached(folder, recipe)
    assert _cached(folder, recipe)
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(folder / "elsewhere/5.png")
    with pytest.raises(BadInput, match="differ from the training function"):
        _cached(folder, recipe)


def test_a_link_that_leads_nowhere_is_one_bad_picture(folder: Path):
    (folder / "elsewhere/gone.png").symlink_to(folder / "nothing.png")
    skipping = Recipe(RECIPE.model, data=DataSpec("pictures", skip_bad=True), inputs=RECIPE.inputs)
    assert not _cached(folder, skipping)


@pytest.mark.slow
def test_what_was_changed_on_the_way_in_is_told(tmp_path: Path):
    graphs.write_sparse(tmp_path / "sparse.onnx", 13)
    recipe = Recipe(ModelSpec("sparse.onnx"), target="onnxruntime", precisions=("fp32",))
    result = compile_model(Job(recipe, tmp_path, tmp_path / "out"), "test")
    assert "kept at opset 13" in result.model.notes[0]
    assert result.model.notes[0] in result.warnings
