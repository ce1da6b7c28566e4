"""Samples are read before the heads are known, labels after; a digest holds both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.stages.data import check_data
from edgemed.stages.job import Job
from edgemed.stages.labels import check_labels
from edgemed.types import DataSpec, InputSpec, JudgeSpec, ModelSpec, OutputSpec, Recipe

INPUTS = (InputSpec("signal", "float32", (3,)),)
OUTPUTS = (OutputSpec("score", "binary", 1),)
LABELS = (0, 1, 0, 1, 0, 1)


def _checked(folder: Path, data: DataSpec, *, gate: bool = True):
    job = Job(Recipe(ModelSpec("model.onnx"), data=data), folder, folder / "out")
    sets, facts, _ = check_data(job, INPUTS)
    return check_labels(sets, facts, OUTPUTS, learnt=False, judge=JudgeSpec(gate=gate))


def _save(folder: Path, name: str, labels, *, bad: int | None = None) -> None:
    x = np.random.default_rng(len(name)).standard_normal((len(LABELS), 3)).astype(np.float32)
    if bad is not None:
        x[bad] = np.nan
    np.savez(folder / f"{name}.npz", x=x, y=np.array(labels))


def test_a_digest_changes_with_the_labels_and_not_without(tmp_path: Path):
    digests = []
    for labels in (LABELS, LABELS, LABELS[::-1]):
        _save(tmp_path, "sel", labels)
        sets, (facts,), warnings = _checked(tmp_path, DataSpec(select="sel.npz"))
        assert (facts.labelled, warnings) == (True, ())
        assert sets["select"].sha256 == facts.sha256
        assert next(iter(sets["select"].open())).targets["score"] == labels[0]
        digests.append(facts.sha256)
    assert digests[0] == digests[1] != digests[2]


def test_calibration_takes_no_labels(tmp_path: Path):
    digests = set()
    for labels in (LABELS, LABELS[::-1]):
        _save(tmp_path, "cal", labels)
        sets, (facts,), warnings = _checked(tmp_path, DataSpec(calibrate="cal.npz"))
        assert (facts.labelled, facts.class_counts, warnings) == (False, {}, ())
        assert next(iter(sets["calibrate"].open())).targets == {}
        digests.add(facts.sha256)
    assert len(digests) == 1


def test_calibration_labels_that_are_learnt_are_in_the_order_of_the_other_sets(tmp_path: Path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (12, 4, 5)).astype(np.uint8)
    for index, name in enumerate(("cal/ill", "cal/well", "sel/healthy", "sel/ill") * 3):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[index]).save(tmp_path / name / f"{index}.png")
    data = DataSpec(calibrate="cal", select="sel")
    job = Job(Recipe(ModelSpec("model.onnx"), data=data), tmp_path, tmp_path / "out")
    sets, facts, _ = check_data(job, (InputSpec("picture", "uint8", (4, 5), "HW"),))
    check_labels(sets, facts, OUTPUTS, learnt=False, judge=JudgeSpec())
    with pytest.raises(BadInput, match="calibrate: ill, well; select: healthy, ill") as refused:
        check_labels(sets, facts, OUTPUTS, learnt=True, judge=JudgeSpec())
    assert refused.value.where == "--calibrate and --select"


def test_calibration_labels_that_are_learnt_must_be_classes_of_the_model(tmp_path: Path):
    _save(tmp_path, "cal", [0, 1, 2, 0, 1, 2])
    job = Job(Recipe(ModelSpec("model.onnx"), data=DataSpec(calibrate="cal.npz")), tmp_path, tmp_path / "out")
    sets, facts, _ = check_data(job, INPUTS)
    with pytest.raises(BadInput, match="label 2 is outside the classes 0 to 1"):
        check_labels(sets, facts, OUTPUTS, learnt=True, judge=JudgeSpec())


def test_labels_of_samples_that_were_left_out_do_not_count(tmp_path: Path):
    _save(tmp_path, "sel", LABELS, bad=1)
    _, (facts,), _ = _checked(tmp_path, DataSpec(select="sel.npz", skip_bad=True))
    assert (facts.n, facts.skipped) == (5, ("x[1]",))
    assert facts.class_counts == {"score": {"negative": 3, "positive": 2}}


def test_a_set_without_labels_is_told(tmp_path: Path):
    np.savez(tmp_path / "sel.npz", x=np.eye(3, dtype=np.float32))
    _, (facts,), warnings = _checked(tmp_path, DataSpec(select="sel.npz"))
    assert not facts.labelled
    assert warnings == ("the select set has no labels: no AUC, sensitivity or specificity",)


def test_twelve_bits_in_sixteen_are_warned_of(tmp_path: Path):
    from PIL import Image

    (tmp_path / "cal").mkdir()
    for index in range(3):
        Image.fromarray(np.full((4, 5), 300 * index + 7, np.uint16)).save(tmp_path / "cal" / f"{index}.png")
    recipe = Recipe(ModelSpec("model.onnx"), data=DataSpec(calibrate="cal"))
    picture = InputSpec("picture", "uint8", (4, 5), "HW")
    _, _, warnings = check_data(Job(recipe, tmp_path, tmp_path / "out"), (picture,))
    assert "calibrate: 16-bit gray pictures reach only 607 of 65535" in warnings[-1]


def test_an_acceptance_set_that_can_prove_nothing_is_refused_unless_the_gate_is_off(tmp_path: Path):
    for name in ("sel", "accepted"):
        _save(tmp_path, name, LABELS)
    data = DataSpec(select="sel.npz", accept="accepted.npz")
    with pytest.raises(BadInput, match="too small for a proof even where no answer changes") as refused:
        _checked(tmp_path, data)
    assert "sensitivity: 3 positive cases, at least 73 (margin 0.05)" in refused.value.problem
    assert "--no-gate" in refused.value.remedy
    assert "edgemed power" in refused.value.remedy
    _checked(tmp_path, data, gate=False)
