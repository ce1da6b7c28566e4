"""Regression: Bland and Altman's own example, TOST, errors and R2 against scikit-learn and resampling."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge.finding import Compared
from edgemed.judge.unseen import allowance
from edgemed.judge.value_findings import bound_of_changes, limits_of_agreement, value_findings
from edgemed.types import OutputSpec

FLOW = OutputSpec("flow", "regression", 1, unit="l/min")
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
"""Peak expiratory flow of 17 people by two meters: Bland and Altman, Lancet 327 (1986) 307-310, table 1."""


def both(before, after, targets, groups=None):
    return Compared(
        *(np.asarray(each, float)[:, None] for each in (before, after, targets)), groups, 0.025, 500, 0
    )


@pytest.fixture
def ages():
    random = np.random.default_rng(0)
    truth = random.normal(50, 10, 400)
    before = truth + random.normal(0, 4, 400)
    return before, before + random.normal(1.5, 0.5, 400), truth


def test_limits_are_those_of_bland_and_altman():
    """Mean -2.1 and s 38.8 in the paper; the interval of the mean is -22.0 to 17.8 there."""
    (limits,) = limits_of_agreement(FLOW, both(MINI, WRIGHT, WRIGHT))
    assert limits.mean.value == pytest.approx(-2.1, abs=0.05)
    assert (limits.mean.low, limits.mean.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert limits.upper.value - limits.mean.value == pytest.approx(1.96 * 38.8, abs=0.1)
    assert limits.mean.value - limits.lower.value == pytest.approx(1.96 * 38.8, abs=0.1)
    error = 38.77 * np.sqrt(1 / 17 + 1.96**2 / 32)
    assert limits.lower.high - limits.lower.value == pytest.approx(2.1199 * error, rel=1e-3)
    assert limits.lower.unit == "l/min"


def test_one_case_has_no_limits():
    assert not list(limits_of_agreement(FLOW, both([1.0], [2.0], [1.0])))


def test_a_shift_either_way_is_a_loss(ages):
    before, after, truth = ages
    for shifted in (after, 2 * before - after):
        bias = next(iter(value_findings(FLOW, both(before, shifted, truth)))).estimate
        assert bias.difference == pytest.approx(-abs(np.mean(shifted - before)))
        assert bias.low < bias.difference < bias.high < 0
    same = next(iter(value_findings(FLOW, both(before, before, truth)))).estimate
    assert (same.difference, same.high) == (0.0, 0.0)
    assert same.low < 0


def test_a_shift_of_every_case_is_refuted_however_few_there_are():
    """What might be among unseen cases makes a proof harder, and no shift smaller."""
    random = np.random.default_rng(5)
    truth = random.normal(50, 10, 60)
    before = truth + random.normal(0, 4, 60)
    for step in (3.0, -3.0):
        findings = value_findings(FLOW, both(before, before + step, truth))
        bias = next(iter(findings)).estimate
        assert bias.low < -3 - 1
        assert bias.high == pytest.approx(-3)


def test_errors_and_r2_are_those_of_scikit_learn(ages, metrics):
    before, after, truth = ages
    _, mae, r2 = (each.estimate for each in value_findings(FLOW, both(before, after, truth)))
    assert mae.original == pytest.approx(metrics.mean_absolute_error(truth, before))
    assert mae.difference == pytest.approx(mae.original - metrics.mean_absolute_error(truth, after))
    assert r2.original == pytest.approx(metrics.r2_score(truth, before))
    assert r2.artefact == pytest.approx(metrics.r2_score(truth, after))
    assert r2.difference == pytest.approx(r2.artefact - r2.original)


def test_the_error_of_r2_is_that_of_resampled_cases(ages, metrics):
    before, after, truth = ages
    *_, r2 = (each.estimate for each in value_findings(FLOW, both(before, after, truth)))
    random = np.random.default_rng(1)
    draws = [random.integers(400, size=400) for _ in range(500)]
    gaps = [
        metrics.r2_score(truth[each], after[each]) - metrics.r2_score(truth[each], before[each])
        for each in draws
    ]
    assert r2.units.std(ddof=1) / np.sqrt(400) == pytest.approx(np.std(gaps), rel=0.1)


def test_equal_targets_have_no_r2():
    *_, r2 = value_findings(FLOW, both([1.0, 2.0, 3.0], [1.0, 2.0, 3.5], [2.0, 2.0, 2.0]))
    assert r2.estimate is None
    assert "equal" in r2.reason


def test_a_change_that_was_not_seen_is_bounded_by_all_values_that_there_are():
    """Equal answers: the room is the range, 1 to 9 here, times what one of 400 cases weighs."""
    truth = np.linspace(2.0, 8.0, 400)
    answers = truth.copy()
    answers[[3, 5]] = 1.0, 9.0
    bias, mae, r2 = (each.estimate for each in value_findings(FLOW, both(answers, answers, truth)))
    assert bias.low == mae.low == pytest.approx(-8.0 * allowance(1 / 400, 0.025))
    assert r2.low == pytest.approx(-64.0 / truth.var() * allowance(1 / 400, 0.025))
    told = bound_of_changes(FLOW, both(answers, answers, truth))
    assert told.startswith("flow: a change that was not seen is taken to be at most 8 l/min, the range of")
