"""DeLong's AUC against the definition: a sum over pairs, and components by double loop."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge.auc import auc_differences, auc_figures, influence

Z = 1.959963984540054


def brute_components(scores, positive):
    """Mean over the other kind of psi = 1 (above), 1/2 (tied), 0 (below), for each case of a kind."""
    sick, well = scores[positive], scores[~positive]
    psi = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in well] for x in sick])
    return psi.mean(), psi.mean(axis=1), psi.mean(axis=0)


def tied_case(seed, cases=80):
    random = np.random.default_rng(seed)
    positive = random.random(cases) < 0.4
    first = np.round(random.normal(size=cases) + positive, 1)
    second = np.round(first + 0.4 * random.normal(size=cases), 1)
    return positive, first, second


@pytest.mark.parametrize("seed", range(4))
def test_auc_and_variance_are_those_of_the_definition(seed, metrics):
    positive, scores, _ = tied_case(seed)
    auc, v10, v01 = brute_components(scores, positive)
    variance = v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01)
    got, shares = influence(scores, positive)
    assert got == pytest.approx(auc, abs=1e-12)
    assert got == pytest.approx(metrics.roc_auc_score(positive, scores), abs=1e-12)
    assert np.sum(shares**2) == pytest.approx(variance, rel=1e-10)
    figure = auc_figures([("", scores, positive)])[0]
    assert figure.low == pytest.approx(auc - Z * np.sqrt(variance))
    assert figure.high == pytest.approx(min(1.0, auc + Z * np.sqrt(variance)))


@pytest.mark.parametrize("seed", range(4))
def test_paired_difference_uses_the_covariance(seed):
    positive, first, second = tied_case(seed)
    auc_a, v10_a, v01_a = brute_components(first, positive)
    auc_b, v10_b, v01_b = brute_components(second, positive)
    s10, s01 = np.cov(v10_a, v10_b), np.cov(v01_a, v01_b)
    s = s10 / len(v10_a) + s01 / len(v01_a)
    error = np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1])
    figure = auc_differences([("", first, positive)], [("", second, positive)])[0]
    assert figure.value == pytest.approx(auc_b - auc_a)
    assert figure.low == pytest.approx(auc_b - auc_a - Z * error)
    assert figure.high == pytest.approx(auc_b - auc_a + Z * error)


def test_a_small_case_by_hand():
    """Positives .9 .4, negatives .5 .1: 3 of 4 pairs are right; V10 = (1, .5), V01 = (.5, 1)."""
    scores, positive = np.array([0.9, 0.4, 0.5, 0.1]), np.array([True, True, False, False])
    auc, shares = influence(scores, positive)
    assert auc == 0.75
    assert np.sum(shares**2) == pytest.approx(0.125 / 2 + 0.125 / 2)


@pytest.mark.slow
def test_macro_interval_covers_what_resampling_shows():
    """The macro AUC of three classes: its error against that of 400 fresh data sets."""
    means = np.eye(3) * 1.2

    def draw(seed):
        random = np.random.default_rng(seed)
        classes = random.integers(3, size=150)
        scores = random.normal(size=(150, 3)) + means[classes]
        return auc_figures([(str(c), scores[:, c], classes == c) for c in range(3)])[0]

    figures = [draw(seed) for seed in range(400)]
    spread = np.std([figure.value for figure in figures])
    claimed = np.mean([(figure.high - figure.low) / (2 * Z) for figure in figures])
    assert figures[0].label == "macro"
    assert claimed == pytest.approx(spread, rel=0.12)


def test_one_class_is_told_and_perfect_separation_has_no_interval():
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    lonely = auc_figures([("", scores, np.ones(4, bool))])[0]
    assert lonely.value is None
    assert "every case is positive" in lonely.reason
    perfect = auc_figures([("", scores, scores > 0.5)])[0]
    assert perfect.value == 1.0
    assert perfect.low is None
    assert "no interval" in perfect.reason


@pytest.mark.parametrize("single", ["positive", "negative"])
def test_a_single_case_of_a_kind_has_no_interval(single, metrics):
    """Its spread is not known: DeLong divides by m - 1."""
    scores = np.random.default_rng(0).random(40)
    lonely = np.arange(40) == np.argsort(scores)[20]
    positive = lonely if single == "positive" else ~lonely
    figure = auc_figures([("", scores, positive)])[0]
    assert figure.value == pytest.approx(metrics.roc_auc_score(positive, scores))
    assert (figure.low, figure.high, figure.method) == (None, None, "")
    assert figure.reason == "one positive or one negative case only: no interval"
    other = np.random.default_rng(1).random(40)
    gap = auc_differences([("", scores, positive)], [("", other, positive)])[0]
    assert gap.value == pytest.approx(metrics.roc_auc_score(positive, other) - figure.value)
    assert gap.low is None
    assert gap.reason == figure.reason


def test_a_class_with_a_single_case_leaves_the_macro_auc_without_an_interval():
    scores, classes = np.random.default_rng(0).random((60, 4)), np.repeat([0, 1, 2], [30, 29, 1])
    macro, *singles = auc_figures([(str(c), scores[:, c], classes == c) for c in range(4)])
    assert macro.value == pytest.approx(np.mean([each.value for each in singles[:3]]))
    assert macro.low is None
    assert macro.reason == (
        "mean of the 3 of 4 that are defined; one positive or one negative case only: no interval"
    )
    assert singles[0].low is not None


def test_macro_leaves_out_a_class_that_is_not_there():
    random = np.random.default_rng(0)
    scores, classes = random.random((60, 3)), random.integers(2, size=60)
    macro, *singles = auc_figures([(str(c), scores[:, c], classes == c) for c in range(3)])
    assert macro.value == pytest.approx(np.mean([singles[0].value, singles[1].value]))
    assert "2 of 3" in macro.reason
    assert singles[2].value is None
