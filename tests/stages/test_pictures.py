"""Pictures of flipped cases: of these only, few, one per layout; and none in a report that did not ask."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.judge import agreement
from edgemed.pipeline import compile_model
from edgemed.stages.acceptance import Acceptance
from edgemed.stages.job import Job, SetSource
from edgemed.stages.pictures import _png, flipped_pictures
from edgemed.types import (
    Agreement,
    DataSpec,
    InputRecipe,
    InputSpec,
    ModelSpec,
    OutputRecipe,
    OutputSpec,
    Recipe,
    TrialsSpec,
)

SCORE = OutputSpec("score", "binary", 1)
SIDE = 12


def _pixels(layout: str, array: np.ndarray) -> tuple[np.ndarray, int]:
    """The picture that is drawn, one value per pixel of the array, and by how much it was enlarged."""
    from PIL import Image

    drawn = np.asarray(Image.open(io.BytesIO(_png(InputSpec("x", "float32", array.shape, layout), array))))
    scale = drawn.shape[0] // array.shape[layout.index("H")]
    small = drawn[::scale, ::scale]
    assert np.array_equal(small.repeat(scale, 0).repeat(scale, 1), drawn)
    return small, scale


def _grey(array: np.ndarray) -> np.ndarray:
    """0 to 255 over the whole range."""
    return np.rint((array - array.min()) / (array.max() - array.min()) * 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("layout", "shape", "shown"),
    [
        ("HW", (5, 4), lambda a: a),
        ("CHW", (1, 5, 4), lambda a: a[0]),
        ("CHW", (2, 5, 4), lambda a: a[0]),
        ("CHW", (3, 5, 4), lambda a: a.transpose(1, 2, 0)),
        ("HWC", (5, 4, 1), lambda a: a[..., 0]),
        ("HWC", (5, 4, 3), lambda a: a),
        ("DHW", (7, 5, 4), lambda a: a[3]),
        ("DHW", (6, 5, 4), lambda a: a[3]),
        ("CDHW", (1, 7, 5, 4), lambda a: a[0, 3]),
        ("DHWC", (7, 5, 4, 3), lambda a: a[3]),
    ],
)
def test_each_layout_is_drawn_upright_and_a_volume_by_its_middle_slice(layout, shape, shown):
    array = np.random.default_rng(0).normal(1000, 300, shape).astype(np.float32)
    pixels, scale = _pixels(layout, array)
    assert np.array_equal(pixels, _grey(shown(array)))
    assert scale == 160 // 5


def test_a_flat_picture_and_a_large_one_are_drawn():
    assert not _pixels("HW", np.full((5, 4), 7.0, np.float32))[0].any()
    large = np.random.default_rng(0).random((200, 300)).astype(np.float32)
    assert _pixels("HW", large)[1] == 1


def _source(folder: Path, cases: int, spec: InputSpec) -> SetSource:
    drawn = np.random.default_rng(0).integers(0, 256, (cases, *spec.shape)).astype(spec.dtype)
    np.savez(folder / "set.npz", x=drawn)
    return SetSource("set.npz::x=x", str(folder), (spec,), (), skip_bad=False)


def _acceptance(names: list[str], flipped: set[int], dropped: set[int]) -> Acceptance:
    """A kept artefact that decides `flipped` otherwise, and one not kept that decides `dropped` so."""
    original = np.full((len(names), 1), 0.4)
    found = {}
    for name, cases in (("onnxruntime-int8", flipped), ("openvino-int8", dropped)):
        artefact = original.copy()
        artefact[list(cases)] = 0.6
        found[name] = (agreement(SCORE, original, artefact, None, names),)
    return Acceptance({"onnxruntime": ("onnxruntime-int8",)}, agreement=found)


def test_only_cases_that_a_kept_artefact_flips_are_drawn_and_24_at_most(tmp_path: Path):
    spec = InputSpec("x", "uint8", (5, 4), "HW")
    source = _source(tmp_path, 40, spec)
    samples = list(source.open())
    names = [sample.name for sample in samples]
    job = Job(Recipe(ModelSpec("model.onnx")), tmp_path, tmp_path / "out")
    few = flipped_pictures(job, source, _acceptance(names, {3, 17}, {5}))
    assert few == tuple((names[case], _png(spec, samples[case].inputs["x"])) for case in (3, 17))
    many = flipped_pictures(job, source, _acceptance(names, set(range(5, 35)), set()))
    assert [name for name, _ in many] == names[5:29]


def test_without_a_flip_a_set_or_a_picture_nothing_is_drawn(tmp_path: Path):
    source = _source(tmp_path, 4, InputSpec("x", "float32", (5,)))
    names = [sample.name for sample in source.open()]
    job = Job(Recipe(ModelSpec("model.onnx")), tmp_path, tmp_path / "out")
    flips, none = _acceptance(names, {1}, set()), _acceptance(names, set(), {1})
    assert flipped_pictures(job, None, flips) == ()
    assert flipped_pictures(job, source, none) == ()
    assert flipped_pictures(job, source, flips) == ()


@pytest.mark.slow
def test_a_report_holds_pictures_only_on_request(tmp_path: Path):
    """Shuffled pictures have one mean, up to the rounding of each runtime, and the threshold lies there."""
    import onnxruntime as ort

    g = graphs.Writer(0)
    g.sigmoid(g.add("MatMul", g.pooled("image"), g.constant(np.full((1, 1), 1000, np.float32))), "score")
    net = g.write(tmp_path, "model", (InputSpec("image", "float32", (1, SIDE, SIDE)),), (SCORE,))
    random = np.random.default_rng(0)
    half = random.standard_normal(SIDE * SIDE // 2)
    picture = np.concatenate([half, -half]).astype(np.float32)
    pictures = np.stack([random.permutation(picture) for _ in range(120)]).reshape(-1, 1, SIDE, SIDE)
    session = ort.InferenceSession(net.path, providers=["CPUExecutionProvider"])
    threshold = float(np.median(session.run(None, {"image": pictures})[0]))
    np.savez(tmp_path / "set.npz", x=pictures, y=np.arange(len(pictures)) % 2)
    recipe = Recipe(
        ModelSpec("model.onnx"),
        target="openvino",
        precisions=("fp32",),
        data=DataSpec(select="set.npz::x=x,y=y,rows=0:40", accept="set.npz::x=x,y=y,rows=40:"),
        inputs={"image": InputRecipe("float32", (1, SIDE, SIDE), "CHW")},
        outputs={"score": OutputRecipe(threshold=threshold)},
        agreement=Agreement(decisions=0, auc=1, loss=1, snr_db=-100),
        trials=TrialsSpec(launches=1, seconds=0.05),
    )
    job = Job(recipe, tmp_path, tmp_path / "out")
    result = compile_model(job, "edgemed compile recipe.toml")
    kept = result.candidate("openvino-fp32")
    assert kept is not None
    assert kept.accept_agreement is not None
    flips = kept.accept_agreement[0].flip_count
    assert flips > 0
    page = tmp_path / "out" / "report.html"
    assert "data:image" not in page.read_text()
    compile_model(replace(job, times=[]), "edgemed compile recipe.toml", with_images=True)
    assert page.read_text().count("data:image/png") == min(flips, 24)
