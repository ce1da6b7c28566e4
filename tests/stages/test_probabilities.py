"""What a compile tells of probabilities: which sets that takes, and one record of each model and output."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.measure import Predictions
from edgemed.stages.probabilities import check_asked, coverages, diagrams, shifts
from edgemed.types import JudgeSpec, OutputSpec, Temperature

OUTPUTS = (OutputSpec("score", "binary", 1), OutputSpec("volume", "regression", 1))
TEMPERATURES = (Temperature("score", 2.0, 80, 0.6, 0.5, 0.5, 0.5),)


def _predictions(cases: int, seed: int, *, labelled: bool = True) -> Predictions:
    rng = np.random.default_rng(seed)
    scores = {name: rng.random((cases, 1)).astype(np.float32) for name in ("score", "volume")}
    targets = {"score": rng.integers(0, 2, cases), "volume": rng.random((cases, 1))}
    return Predictions(tuple(map(str, range(cases))), scores, targets if labelled else {})


@pytest.mark.parametrize(
    ("judge", "labelled", "where"),
    [
        (JudgeSpec(temperature=True), set(), "--select"),
        (JudgeSpec(temperature=True), {"accept", "calibrate"}, "--select"),
        (JudgeSpec(conformal=0.1), {"accept"}, "--select"),
        (JudgeSpec(conformal=0.1), {"select"}, "--accept"),
    ],
)
def test_sets_that_are_needed_and_not_there_are_named(judge: JudgeSpec, labelled, where: str):
    with pytest.raises(BadInput, match=r"which judge\.(temperature|conformal) needs") as refused:
        check_asked(judge, labelled)
    assert refused.value.where == where


def test_what_is_not_asked_for_needs_no_set():
    check_asked(JudgeSpec(), set())
    check_asked(JudgeSpec(temperature=True), {"select"})
    check_asked(JudgeSpec(temperature=True, conformal=0.1), {"select", "accept"})


def test_a_diagram_of_each_model_and_of_the_original_before_scaling():
    accepted = {"original": _predictions(100, 1), "openvino-int8": _predictions(100, 2)}
    found = diagrams(OUTPUTS, accepted, ())
    assert [(each.model, each.output) for each in found] == [
        ("original", "score"),
        ("openvino-int8", "score"),
    ]
    before, after, other = diagrams(OUTPUTS, accepted, TEMPERATURES)
    assert (before.model, after.model, other.model) == (
        "original before scaling", "original", "openvino-int8",
    )  # fmt: skip
    assert (after, other) == found
    assert before.predicted[0] < after.predicted[0] < after.predicted[-1] < before.predicted[-1]
    assert before.observed == after.observed


def test_without_labels_there_is_no_diagram():
    assert diagrams(OUTPUTS, {"original": _predictions(50, 1, labelled=False)}, TEMPERATURES) == ()


def test_each_model_is_calibrated_by_its_own_answers():
    selected = {"onnxruntime-fp32": _predictions(200, 3), "openvino-int8": _predictions(200, 4)}
    accepted = {"original": _predictions(100, 5), "openvino-int8": _predictions(100, 6)}
    assert coverages(0.0, OUTPUTS, selected, accepted) == ()
    found = coverages(0.1, OUTPUTS, selected, accepted)
    assert [(each.model, each.label) for each in found] == [
        (model, label) for model in accepted for label in ("", "negative", "positive")
    ]
    assert {each.output for each in found} == {"score"}
    assert found[0].threshold != found[3].threshold


def test_what_does_not_hold_on_the_acceptance_set_is_told():
    rng = np.random.default_rng(7)
    scores = rng.random(300)
    drawn = (rng.random(300) < scores).astype(np.int64)
    answers = {
        labels: Predictions(
            tuple(map(str, range(300))), {"score": scores[:, None].astype(np.float32)}, {"score": targets}
        )
        for labels, targets in (("as they are", drawn), ("reversed", 1 - drawn))
    }
    outputs = OUTPUTS[:1]
    sharper = (Temperature("score", 0.4, 80, 0.6, 0.5, 0.5, 0.5),)
    for labels, warnings in (("as they are", 0), ("reversed", 2)):
        accepted = {"original": answers[labels]}
        covered = coverages(0.1, outputs, {"onnxruntime-fp32": answers["as they are"]}, accepted)
        told = list(shifts(outputs, accepted, sharper if warnings else (), covered))
        assert len(told) == warnings
    assert "made the original's log loss for score worse on the acceptance set" in told[0]
    assert "were made to for 90.0%" in told[1]


def test_without_labels_no_temperature_is_doubted():
    for accepted in ({}, {"original": _predictions(50, 1, labelled=False)}):
        assert list(shifts(OUTPUTS, accepted, TEMPERATURES, ())) == []
