"""Reliability diagrams: bins of equal mass, intervals, and what ties and few cases do to them."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge.reliability import reliability
from edgemed.types import OutputSpec

special = pytest.importorskip("scipy.special")

BINARY = OutputSpec("score", "binary", 1)


def _drawn(cases: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, cases)
    return logits, (rng.random(cases) < special.expit(logits)).astype(np.int64)


def test_bins_are_those_of_scikit_learn_with_wilson_intervals():
    from scipy.stats import binomtest
    from sklearn.calibration import calibration_curve

    logits, targets = _drawn(500)
    (found,) = reliability("original", BINARY, special.expit(logits)[:, None], targets)
    observed, predicted = calibration_curve(targets, special.expit(logits), n_bins=10, strategy="quantile")
    assert np.allclose(found.observed, observed)
    assert np.allclose(found.predicted, predicted)
    assert found.counts == (50,) * 10
    bounds = binomtest(round(observed[3] * 50), 50).proportion_ci(0.95, method="wilson")
    assert (found.low[3], found.high[3]) == pytest.approx((bounds.low, bounds.high))
    assert found.ece == pytest.approx(np.abs(observed - predicted).mean())


def test_intervals_hold_probabilities_that_tell_the_truth_and_not_those_that_are_too_sure():
    truth, sure, errors = 0, 0, []
    for seed in range(60):
        logits, targets = _drawn(1000, seed)
        (good,) = reliability("", BINARY, special.expit(logits)[:, None], targets)
        (bad,) = reliability("", BINARY, special.expit(3 * logits)[:, None], targets)
        truth += sum(
            low <= p <= high for low, p, high in zip(good.low, good.predicted, good.high, strict=True)
        )
        sure += sum(low <= p <= high for low, p, high in zip(bad.low, bad.predicted, bad.high, strict=True))
        errors.append(bad.ece > good.ece)
    assert 0.93 < truth / 600 < 0.98
    assert sure / 600 < 0.5
    assert all(errors)


def test_equal_probabilities_share_a_bin():
    rng = np.random.default_rng(1)
    scores = rng.choice([0.1, 0.3, 0.9], 300, p=[0.5, 0.3, 0.2])
    (found,) = reliability("", BINARY, scores[:, None], rng.integers(0, 2, 300))
    assert found.predicted == pytest.approx((0.1, 0.3, 0.9))
    assert found.counts == tuple(int((scores == each).sum()) for each in (0.1, 0.3, 0.9))
    (tied,) = reliability("", BINARY, np.full((300, 1), 0.4), rng.integers(0, 2, 300))
    assert tied.counts == (300,)


@pytest.mark.parametrize(("cases", "bins"), [(1, 1), (19, 1), (20, 2), (99, 9), (1000, 10)])
def test_few_cases_make_few_bins(cases: int, bins: int):
    logits, targets = _drawn(cases)
    (found,) = reliability("", BINARY, special.expit(logits)[:, None], targets)
    assert len(found.counts) == bins
    assert sum(found.counts) == cases
    assert list(found.predicted) == sorted(found.predicted)


def test_each_class_and_each_label_has_a_diagram_and_regression_none():
    rng = np.random.default_rng(2)
    classes = OutputSpec("grade", "multiclass", 3, ("none", "mild", "severe"))
    probabilities = rng.dirichlet(np.ones(3), 90)
    found = reliability("original", classes, probabilities, rng.integers(0, 3, 90))
    assert [each.label for each in found] == ["none", "mild", "severe"]
    findings = OutputSpec("findings", "multilabel", 2, ("nodule", "effusion"))
    found = reliability("original", findings, rng.random((90, 2)), rng.integers(0, 2, (90, 2)))
    assert [each.label for each in found] == ["nodule", "effusion"]
    assert reliability("original", OutputSpec("volume", "regression", 1), np.ones((9, 1)), np.ones(9)) == ()


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(BadInput, match="expected probabilities"):
        reliability("original", BINARY, np.array([[3.0], [-1.0]]), np.array([1, 0]))
