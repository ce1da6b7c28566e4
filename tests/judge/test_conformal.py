"""Conformal prediction sets: the same as MAPIE's, and they hold the true class as often as promised."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge.conformal import coverage
from edgemed.types import Coverage, OutputSpec

stats = pytest.importorskip("scipy.stats")

BINARY = OutputSpec("score", "binary", 1, ("well", "ill"))
CLASSES = OutputSpec("grade", "multiclass", 3, ("none", "mild", "severe"))
FINDINGS = OutputSpec("findings", "multilabel", 2, ("nodule", "effusion"))


def _mapie_sets(level: float, selected, targets, accepted) -> np.ndarray:
    """Its sets (N, classes) for a classifier whose samples are its probabilities."""
    from mapie.classification import SplitConformalClassifier
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(selected.shape[1])

        def fit(self, samples, targets):
            return self

        def predict_proba(self, samples):
            return samples

        def predict(self, samples):
            return samples.argmax(axis=1)

        def __sklearn_is_fitted__(self) -> bool:
            return True

    split = SplitConformalClassifier(Given(), confidence_level=1 - level, prefit=True)
    return split.conformalize(selected, targets).predict_set(accepted)[1][:, :, 0]


def _drawn(output: OutputSpec, cases: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too sure, as those of most nets."""
    rng = np.random.default_rng(seed)
    if output.kind == "multiclass":
        truth = rng.dirichlet([3.0, 1.0, 0.5], cases)
        targets = (rng.random((cases, 1)) > truth.cumsum(axis=1)).sum(axis=1)
        sure = truth**2
        return sure / sure.sum(axis=1, keepdims=True), targets
    truth = rng.beta(0.6, 1.2, (cases, output.columns))
    drawn = (rng.random(truth.shape) < truth).astype(np.int64)
    sure = truth**2 / (truth**2 + (1 - truth) ** 2)
    return sure, drawn[:, 0] if output.kind == "binary" else drawn


@pytest.mark.parametrize("level", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("cases", [40, 137, 400])
def test_sets_are_those_of_mapie(cases: int, level: float):
    for output, classes in ((CLASSES, 3), (BINARY, 2)):
        selected, accepted = _drawn(output, cases, 1), _drawn(output, 250, 2)
        tables = [
            scores if classes == 3 else np.concatenate([1 - scores, scores], axis=1)
            for scores, _ in (selected, accepted)
        ]
        sets = _mapie_sets(level, tables[0], selected[1], tables[1])
        found = coverage("original", output, level, selected, accepted)[0]
        assert found.size == pytest.approx(sets.sum(axis=1).mean())
        assert found.share == pytest.approx(sets[np.arange(250), accepted[1]].mean())
        assert found.empty == pytest.approx((sets.sum(axis=1) == 0).mean())
        assert np.array_equal(tables[1] >= found.threshold, sets)


@pytest.mark.parametrize("output", [BINARY, CLASSES], ids=lambda output: output.kind)
def test_the_true_class_is_held_as_often_as_promised(output: OutputSpec):
    """On average over selection sets the share is 1 - floor((n + 1) level) / (n + 1), exactly."""
    level, cases = 0.1, 84
    shares = [
        coverage("", output, level, _drawn(output, cases, 2 * seed), _drawn(output, 400, 2 * seed + 1))[
            0
        ].share
        for seed in range(80)
    ]
    expected = 1 - int((cases + 1) * level) / (cases + 1)
    assert expected >= 1 - level
    assert np.mean(shares) == pytest.approx(expected, abs=4 * np.std(shares) / np.sqrt(len(shares)))


def _by_label(found: tuple[Coverage, ...]) -> dict[str, Coverage]:
    return {each.label: each for each in found}


def test_coverage_is_told_by_class_and_the_whole_is_their_mean():
    selected, accepted = _drawn(CLASSES, 400, 5), _drawn(CLASSES, 600, 6)
    found = _by_label(coverage("openvino-int8", CLASSES, 0.1, selected, accepted))
    assert list(found) == ["", "none", "mild", "severe"]
    assert {each.model for each in found.values()} == {"openvino-int8"}
    parts = [found[name] for name in CLASSES.labels]
    assert [each.n for each in parts] == np.bincount(accepted[1]).tolist()
    assert np.average([each.share for each in parts], weights=[each.n for each in parts]) == pytest.approx(
        found[""].share
    )
    assert found["severe"].share < found["none"].share - 0.1, "a rare class is missed more often"
    whole = found[""]
    bounds = stats.binomtest(round(whole.share * whole.n), whole.n).proportion_ci(method="exact")
    assert (whole.low, whole.high) == pytest.approx((bounds.low, bounds.high))


def test_each_label_of_a_multilabel_output_is_a_question_of_two_classes():
    selected, accepted = _drawn(FINDINGS, 300, 7), _drawn(FINDINGS, 300, 8)
    found = _by_label(coverage("original", FINDINGS, 0.1, selected, accepted))
    assert list(found) == [
        "nodule", "nodule: negative", "nodule: positive",
        "effusion", "effusion: negative", "effusion: positive",
    ]  # fmt: skip
    alone = OutputSpec("findings", "binary", 1)
    second = [(scores[:, 1:], targets[:, 1]) for scores, targets in (selected, accepted)]
    assert coverage("original", alone, 0.1, *second)[0].share == found["effusion"].share


def test_a_class_without_cases_is_left_out_and_regression_has_no_sets():
    selected, (scores, targets) = _drawn(CLASSES, 200, 9), _drawn(CLASSES, 200, 10)
    kept = targets < 2
    found = coverage("original", CLASSES, 0.1, selected, (scores[kept], targets[kept]))
    assert [each.label for each in found] == ["", "none", "mild"]
    volume = OutputSpec("volume", "regression", 1)
    assert (
        coverage("original", volume, 0.1, (np.ones((9, 1)), np.ones(9)), (np.ones((9, 1)), np.ones(9))) == ()
    )


def test_too_few_selected_cases_give_sets_of_all_classes():
    found = coverage("original", CLASSES, 0.1, _drawn(CLASSES, 8, 11), _drawn(CLASSES, 50, 12))[0]
    assert (found.threshold, found.share, found.size) == (0.0, 1.0, 3.0)
    assert (
        coverage("original", CLASSES, 0.1, _drawn(CLASSES, 9, 11), _drawn(CLASSES, 50, 12))[0].threshold > 0
    )
