"""Doubts about data, model and labels, from the original's figures on a labelled set."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import figures
from edgemed.measure import Predictions
from edgemed.stages.doubts import dead_columns, doubts
from edgemed.types import OutputSpec

SCORE = OutputSpec("score", "binary", 1, ("well", "ill"))
GRADE = OutputSpec("grade", "multiclass", 3, ("low", "middle", "high"))
SIGNS = OutputSpec("signs", "multilabel", 2, ("oedema", "mass"))
SIZES = OutputSpec("sizes", "regression", 2, ("length", "width"))
LABELS = np.arange(40) % 2
RANDOM = np.random.default_rng(0).uniform(0.1, 0.2, (40, 3))


def told(scores: np.ndarray) -> list[str]:
    return list(doubts([figures(SCORE, scores[:, None].astype(np.float32), LABELS)], "select"))


def test_a_good_original_raises_none():
    noise = np.random.default_rng(0).normal(0, 0.1, 40)
    assert told(np.clip(0.25 + 0.5 * LABELS + noise, 0.01, 0.99)) == []


def test_scores_in_the_other_order_are_refused():
    noise = np.random.default_rng(0).normal(0, 0.3, 40)
    with pytest.raises(BadInput, match="labels and columns are in another order") as caught:
        told(np.clip(0.75 - 0.5 * LABELS + noise, 0.01, 0.99))
    assert "negative first: labels = [...] under [outputs.score]" in caught.value.remedy


def test_the_most_certain_reversal_is_refused_and_a_few_cases_are_not():
    with pytest.raises(BadInput, match=r"is 0\.000, surely below"):
        told(0.9 - 0.5 * LABELS)
    few = figures(SCORE, (0.9 - 0.5 * LABELS[:6])[:, None].astype(np.float32), LABELS[:6])
    (doubt,) = doubts([few], "select")
    assert "are the labels in the order of the columns?" in doubt


@pytest.mark.parametrize(("repeats", "refused"), [(1, True), (10, False)])
def test_repeats_of_a_few_patients_do_not_make_a_reversal_sure(repeats: int, refused: bool):
    scores = (0.9 - 0.5 * LABELS)[:, None].astype(np.float32)
    groups = tuple(f"{label} {number // 2 // repeats}" for number, label in enumerate(LABELS))
    seen = Predictions(tuple(map(str, range(40))), {"score": scores}, {"score": LABELS}, groups)
    found = doubts([figures(SCORE, scores, LABELS)], "select", seen)
    if refused:
        with pytest.raises(BadInput, match="surely below"):
            list(found)
    else:
        (doubt,) = found
        assert "are the labels in the order of the columns?" in doubt


def test_scores_without_a_relation_are_told():
    scores = np.tile([0.2, 0.7, 0.8, 0.3], 10)
    (chance,) = told(scores)
    assert chance.startswith("the original's AUC for score on the select set is 0.5")
    assert "maybe no better than chance" in chance


def test_one_decision_for_every_case_is_told():
    scores = 0.9 + 0.05 * LABELS + np.random.default_rng(0).uniform(0, 0.04, 40)
    (alike,) = told(scores)
    assert "decides every case of the select set alike (score)" in alike


def test_saturated_scores_are_told_twice():
    assert len(told(np.ones(40))) == 2


def alike(spec: OutputSpec, scores: np.ndarray, labels: np.ndarray) -> list[str]:
    return list(doubts([figures(spec, scores.astype(np.float32), labels)], "select"))


def _with(*added: float) -> np.ndarray:
    return RANDOM[:, : len(added)] + np.array(added)


@pytest.mark.parametrize("classes", [3, 2])
def test_one_class_for_every_case_is_told_and_a_class_that_is_never_given_is_not(classes: int):
    labels = np.arange(40) % classes
    (told_,) = alike(GRADE, _with(0, 0.8, 0), labels)
    assert "decides every case of the select set alike (grade)" in told_
    assert "alike" in alike(GRADE, _with(0, 0, 0.8), labels)[0]
    labels[5] = 2
    assert alike(GRADE, RANDOM + 0.8 * np.eye(3)[np.where(labels == 2, 0, labels)], labels) == []


def test_the_same_labels_for_every_case_are_told_and_a_label_that_is_never_given_is_not():
    labels = np.stack([LABELS, LABELS[::-1]], axis=1)
    never = RANDOM[:, :2]
    assert "alike (signs)" in alike(SIGNS, never, labels)[0]
    assert "alike (signs)" in alike(SIGNS, _with(0.8, 0), labels)[0]
    assert alike(SIGNS, never + 0.8 * np.stack([LABELS, 0 * LABELS], axis=1), labels) == []
    assert alike(SIGNS, never, 0 * labels) == [], "that is right"


def dead(spec: OutputSpec, scores: np.ndarray, labelled: bool = False) -> list[str]:
    targets = {spec.name: LABELS} if labelled else {}
    answers = Predictions(("case",) * len(scores), {spec.name: scores.astype(np.float32)}, targets)
    return list(dead_columns([spec], answers, "select"))


@pytest.mark.parametrize(
    ("spec", "columns"),
    [(SIZES, "width"), (GRADE, "middle"), (SIGNS, "mass")],
    ids=lambda each: str(each)[:20],
)
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_column_that_does_not_vary_is_told(spec: OutputSpec, columns: str, value: float):
    scores = RANDOM[:, : spec.columns].copy()
    assert dead(spec, scores) == []
    scores[:, 1] = value
    scores[7, 1] *= 1 + 1e-7
    (told_,) = dead(spec, scores)
    assert told_.startswith(
        f"{spec.name} ({columns}) of the original is the same for all 40 cases of the select"
    )
    assert "are the data as in training" in told_
    scores[7, 1] += 1e-4
    assert dead(spec, scores) == []


def test_a_binary_score_that_does_not_vary_is_told_once():
    assert dead(SCORE, np.ones((40, 1)))[0].startswith("score of the original is the same for all 40 cases")
    assert dead(SCORE, np.ones((40, 1)), labelled=True) == [], "see `doubts`"
    assert dead(SCORE, np.ones((1, 1))) == []
