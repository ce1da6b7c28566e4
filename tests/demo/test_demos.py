"""Both demos write a folder that a compile can use, and say what it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tomllib

from edgemed.demo import chest_xray, imageless_mr
from edgemed.demo.prepared import Prepared, recipe_text
from edgemed.demo.training import Schedule
from edgemed.errors import BadInput
from edgemed.preprocess import tensor_spec
from edgemed.readers import open_set
from edgemed.sources import load_trained_model
from edgemed.types import InputSpec, OutputSpec, Recipe

SHORT = Schedule(epochs=2, rate=1e-3, weight_decay=0.1)
FEW = {"train": 320, "calibrate": 40, "select": 60, "accept": 80}


def _quiet(what: str, share: float) -> None:
    assert what
    assert 0.0 <= share <= 1.0


def _recipe(prepared: Prepared) -> Recipe:
    return Recipe.from_dict(tomllib.loads(prepared.recipe.read_text(encoding="utf-8")))


def _lengths(recipe: Recipe, base: Path) -> list[int]:
    """Opens the three sets as a compile does, and reads the first sample of each."""
    inputs = [InputSpec(name, i.dtype, i.shape, i.layout) for name, i in recipe.inputs.items()]
    outputs = [OutputSpec(name, "binary", 1, o.labels) for name, o in recipe.outputs.items()]
    lengths = []
    for reference in (recipe.data.calibrate, recipe.data.select, recipe.data.accept):
        opened = open_set(reference, inputs, outputs, base=base)
        assert next(iter(opened)).inputs[inputs[0].name].shape == inputs[0].shape
        lengths.append(len(opened))
    return lengths


@pytest.fixture(scope="module")
def imageless(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    out = tmp_path_factory.mktemp("imageless") / "new"
    return imageless_mr.prepare(out, seed=0, progress=_quiet, heads=FEW, schedule=SHORT)


@pytest.mark.slow
def test_imageless_recipe_opens_its_three_sets(imageless: Prepared):
    recipe = _recipe(imageless)
    assert _lengths(recipe, imageless.recipe.parent) == [40, 60, 80]


@pytest.mark.slow
def test_imageless_model_loads_with_its_weights(imageless: Prepared):
    recipe = _recipe(imageless)
    model = load_trained_model(recipe.model, imageless.recipe.parent)
    assert model.input_names() == tuple(recipe.inputs)


@pytest.mark.slow
def test_imageless_sets_share_no_signal(imageless: Prepared):
    with np.load(imageless.recipe.parent / "simulated.npz") as archive:
        signals = np.concatenate([archive[f"{name}_signals"] for name in ("calibrate", "select", "accept")])
    assert len({signal.tobytes() for signal in signals}) == len(signals) == 180


@pytest.mark.slow
def test_imageless_says_simulated_and_prints_the_linear_baseline(imageless: Prepared):
    text = "\n".join(imageless.lines)
    assert "SIMULATED" in text
    assert "SNR" in text
    assert re.search(r"1D-CNN 0\.\d{3}, linear baseline \(ridge\) 0\.\d{3}", text)
    assert "simulated" in _recipe(imageless).name


@pytest.mark.slow
def test_imageless_repeats_with_its_seed(imageless: Prepared, tmp_path: Path):
    again = imageless_mr.prepare(tmp_path, seed=0, progress=_quiet, heads=FEW, schedule=SHORT)
    other = imageless_mr.prepare(tmp_path / "1", seed=1, progress=_quiet, heads=FEW, schedule=SHORT)
    weights = [p.recipe.with_name("model.safetensors").read_bytes() for p in (imageless, again, other)]
    assert weights[0] == weights[1] != weights[2]
    assert imageless.lines == again.lines


@pytest.mark.slow
def test_imageless_reaches_a_meaningful_auc(tmp_path: Path):
    prepared = imageless_mr.prepare(tmp_path, seed=1, progress=_quiet)
    network, linear = map(float, re.findall(r" (0\.\d{3})", prepared.lines[-1]))
    assert 0.85 < network < 0.97
    assert 0.80 < linear < 0.97


@pytest.mark.slow
def test_chest_xray_prepares_the_official_file(data_dir: Path, tmp_path: Path):
    data = data_dir / chest_xray.DATA_FILE
    short = Schedule(epochs=2, rate=2e-3, weight_decay=0.05)
    prepared = chest_xray.prepare(tmp_path, data=data, seed=0, progress=_quiet, schedule=short)
    recipe = _recipe(prepared)
    assert _lengths(recipe, tmp_path) == [300, 524, 624]
    assert load_trained_model(recipe.model, tmp_path).input_names() == ("image",)
    assert float(re.findall(r"AUC (0\.\d{3})", prepared.lines[-1])[0]) > 0.9


def test_chest_xray_steps_are_the_training_functions(data_dir: Path):
    from edgemed.demo.models.xray_net import preprocess

    image = Recipe.from_dict(tomllib.loads(recipe_text("chest-xray"))).inputs["image"]
    raw = np.load(data_dir / chest_xray.DATA_FILE)["test_images"][0]
    spec = tensor_spec(InputSpec("image", image.dtype, image.shape, image.layout), image.steps)
    assert spec.shape == preprocess(raw).shape
    assert preprocess(np.uint8([[0, 255]])).tolist() == [[[-1.0, 1.0]]]
    assert image.training_function == "model.py:preprocess"


def test_chest_xray_calibration_rows_are_those_of_the_recipe():
    recipe = Recipe.from_dict(tomllib.loads(recipe_text("chest-xray")))
    first, last = chest_xray.CALIBRATION_ROWS
    assert recipe.data.calibrate == f"{chest_xray.DATA_FILE}::x=train_images,rows={first}:{last}"


def _absent(path: Path) -> None:
    path.unlink(missing_ok=True)


def _torn(path: Path) -> None:
    np.savez(path, train_images=np.zeros((40, 28, 28), np.uint8))
    path.write_bytes(path.read_bytes()[:300])


def _one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros((4, 28, 28), np.uint8))


def _flipped_bits(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (3500, 28, 28), np.uint8)
    images = {f"{name}_images": noise for name in ("train", "val", "test")}
    np.savez_compressed(
        path, **images, **{f"{name[:-7]}_labels": np.zeros(3500, np.uint8) for name in images}
    )
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 4, len(content) // 4 + 40):
        content[place] ^= 0xFF
    path.write_bytes(content)


def _other_labels(path: Path) -> None:
    images = np.zeros((3500, 28, 28), np.uint8)
    arrays = {f"{name}_images": images for name in ("train", "val", "test")}
    np.savez(path, **arrays, **{f"{name[:-7]}_labels": np.full(3500, 2, np.uint8) for name in arrays})


def _other_arrays(path: Path) -> None:
    np.savez(path, x=np.zeros((4, 28, 28), np.uint8))


def _other_size(path: Path) -> None:
    arrays = {f"{name}_images": np.zeros((4, 64, 64), np.uint8) for name in ("train", "val", "test")}
    np.savez(path, **arrays, **{name.replace("images", "labels"): np.zeros(4, np.uint8) for name in arrays})


def _shared_pictures(path: Path) -> None:
    random = np.random.default_rng(0)
    train = random.integers(0, 255, (3500, 28, 28), np.uint8)
    sets = {"train": train, "val": train[3200:3210], "test": train[:10]}
    arrays = {f"{name}_images": images for name, images in sets.items()}
    np.savez(path, **arrays, **{f"{name}_labels": np.zeros(len(i), np.uint8) for name, i in sets.items()})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_absent, "not a readable"),
        (_torn, "not a readable"),
        (_one_array, "not a readable"),
        (_flipped_bits, "not a readable"),
        (_other_labels, "train_labels is not one 0 or 1 per picture"),
        (_other_arrays, "no array train_images"),
        (_other_size, "not uint8"),
        (_shared_pictures, "hold pictures of val or test"),
    ],
)
def test_chest_xray_refuses_other_files(spoil: Callable[[Path], None], message: str, tmp_path: Path):
    data = tmp_path / "data.npz"
    spoil(data)
    with pytest.raises(BadInput, match=message):
        chest_xray.prepare(tmp_path / "out", data=data, seed=0, progress=_quiet)
    assert not (tmp_path / "out").exists()
