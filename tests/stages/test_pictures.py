"""Drawings of flipped cases: of these only, few, one per layout; and none in a report that did not ask."""

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
from edgemed.stages.pictures import _picture, flipped_pictures
from edgemed.types import (
    Agreement,
    DataSpec,
    InputRecipe,
    InputSpec,
    JudgeSpec,
    ModelSpec,
    OutputRecipe,
    OutputSpec,
    Recipe,
    TrialsSpec,
)

SCORE = OutputSpec("score", "binary", 1)
SIDE = 12


def _drawn(layout: str, array: np.ndarray) -> np.ndarray:
    from PIL import Image

    picture = _picture("a", InputSpec("x", "float32", array.shape, layout), array)
    return np.asarray(Image.open(io.BytesIO(picture.png)))


def _pixels(layout: str, array: np.ndarray) -> tuple[np.ndarray, int]:
    """The picture that is drawn, one value per pixel of the array, and by how much it was enlarged."""
    drawn = _drawn(layout, array)
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


def _courses(drawn: np.ndarray, channels: int) -> np.ndarray:
    """(channels, width) middle of the ink in each column, upwards, from the top of each channel's strip."""
    strips = drawn[..., 1].reshape(channels, -1, drawn.shape[1])
    rows = np.arange(strips.shape[1])[:, None]
    return -(strips * rows).sum(axis=1) / strips.sum(axis=1)


@pytest.mark.parametrize("layout", ["CL", "LC"])
def test_a_signal_is_a_line_for_each_channel_over_its_own_range(layout):
    signal = np.stack([np.linspace(-1, 1, 500), 1e4 * np.sin(np.linspace(0, 9, 500))]).astype(np.float32)
    drawn = _drawn(layout, signal if layout == "CL" else signal.T)
    courses = _courses(drawn, 2)
    for course, values in zip(courses, signal, strict=True):
        wanted = np.interp(np.linspace(0, 499, len(course)), np.arange(500), values)
        assert np.corrcoef(course, wanted)[0, 1] > 0.999
        assert 0.7 * drawn.shape[0] / 2 < np.ptp(course) < drawn.shape[0] / 2
    assert set(np.unique(drawn[..., 1])) == {0, 255}, "the page shows through"


def test_raw_signals_and_signals_without_channels_are_drawn():
    raw = np.random.default_rng(0).normal(size=(3, 8, 4, 1, 2)).astype(np.float32)
    for spec, array in (
        (InputSpec("x", "float32", raw.shape, "TESKQ"), raw),
        (InputSpec("x", "float32", (96,), "L"), raw.reshape(-1)[:96]),
    ):
        assert _picture("case", spec, array).line


def test_a_peak_of_a_long_signal_is_not_lost():
    signal = np.zeros((1, 200_000), np.float32)
    signal[0, 123_456] = 1.0
    drawn = _drawn("CL", signal)
    (columns,) = np.nonzero(drawn[: drawn.shape[0] // 2, :, 1].any(axis=0))
    assert columns.mean() / drawn.shape[1] == pytest.approx(123_456 / 200_000, abs=0.01)


def test_a_flat_signal_and_many_channels_are_drawn():
    assert np.ptp(_courses(_drawn("CL", np.full((1, 90), 3.0, np.float32)), 1)) == 0
    assert _drawn("CL", np.zeros((40, 90), np.float32)).shape == (16 * 40, 640, 2)


def test_only_a_signal_is_marked_as_a_line():
    signal, picture = InputSpec("x", "float32", (2, 9), "CL"), InputSpec("x", "float32", (2, 9), "HW")
    array = np.arange(18, dtype=np.float32).reshape(2, 9)
    assert _picture("a", signal, array).line
    assert not _picture("a", picture, array).line


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
    assert few == tuple(_picture(names[case], spec, samples[case].inputs["x"]) for case in (3, 17))
    many = flipped_pictures(job, source, _acceptance(names, set(range(5, 35)), set()))
    assert [each.case for each in many] == names[5:29]


def test_without_a_flip_a_set_or_a_picture_nothing_is_drawn(tmp_path: Path):
    source = _source(tmp_path, 4, InputSpec("x", "float32", (5,)))
    names = [sample.name for sample in source.open()]
    job = Job(Recipe(ModelSpec("model.onnx")), tmp_path, tmp_path / "out")
    flips, none = _acceptance(names, {1}, set()), _acceptance(names, set(), {1})
    assert flipped_pictures(job, None, flips) == ()
    assert flipped_pictures(job, source, none) == ()
    assert flipped_pictures(job, source, flips) == ()


def test_of_a_picture_and_a_signal_the_picture_is_drawn(tmp_path: Path):
    signal, picture = InputSpec("s", "float32", (2, 9), "CL"), InputSpec("x", "uint8", (5, 4), "HW")
    source = replace(_source(tmp_path, 4, picture), inputs=(signal, picture), ref="set.npz::x=x,s=s")
    drawn = np.load(tmp_path / "set.npz")["x"]
    np.savez(tmp_path / "set.npz", x=drawn, s=np.zeros((4, 2, 9), np.float32))
    names = [sample.name for sample in source.open()]
    job = Job(Recipe(ModelSpec("model.onnx")), tmp_path, tmp_path / "out")
    (only,) = flipped_pictures(job, source, _acceptance(names, {1}, set()))
    assert only == _picture(names[1], picture, drawn[1])


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
        judge=JudgeSpec(gate=False),
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
