"""Paired means: Student's interval, sums over groups by hand, statsmodels' cluster-robust errors."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge.paired_means import macro_difference, mean_difference, share_difference
from edgemed.judge.unseen import half_width


def error_of(estimate):
    """The standard error that the units say."""
    units = estimate.units
    return units.std(ddof=1) / np.sqrt(len(units))


@pytest.fixture
def values():
    random = np.random.default_rng(0)
    before = random.random(120)
    return before, before + random.normal(0.01, 0.05, 120), random.integers(0, 30, 120)


def test_spread_is_that_of_the_paired_t_test(values):
    from scipy import stats

    before, after, _ = values
    found = mean_difference(before, after, 0.025, None)
    paired = stats.ttest_rel(after, before)
    assert found.difference == pytest.approx((after - before).mean())
    assert found.difference / error_of(found) == pytest.approx(paired.statistic)
    half = half_width(error_of(found), 120, 1 / 120, 0.025)
    assert (found.low, found.high) == pytest.approx((found.difference - half, found.difference + half))
    assert mean_difference(before, after, 0.025, None, sign=-1).difference == -found.difference


def test_spread_in_groups_is_the_cluster_robust_one(values):
    """statsmodels' CR1 correction is G/(G-1) (n-1)/(n-k); of a mean, k = 1."""
    sm = pytest.importorskip("statsmodels.api")
    before, after, groups = values
    fit = sm.OLS(after - before, np.ones(120)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    found = mean_difference(before, after, 0.025, groups)
    assert error_of(found) == pytest.approx(fit.bse[0])
    assert found.method == "Student's t over groups, with room for changes not seen"


def test_shares_in_groups_count_patients_and_without_them_cases():
    before, after = np.ones(100, bool), np.ones(100, bool)
    after[:5] = False
    alone = share_difference(before, after, 0.025, None)
    assert (alone.method, alone.better, alone.worse) == ("Tango", 0, 5)
    grouped = share_difference(before, after, 0.025, np.arange(100) // 5)
    assert (grouped.better, grouped.worse) == (0, 5)
    assert grouped.difference == pytest.approx(-0.05)
    assert grouped.low < alone.low


def test_groups_of_one_case_are_no_groups():
    random = np.random.default_rng(1)
    before, after = random.random(60) < 0.9, random.random(60) < 0.9
    single = share_difference(before, after, 0.025, random.permutation(60))
    alone = share_difference(before, after, 0.025, None)
    assert (single.low, single.high, single.method) == (alone.low, alone.high, "Tango")


def test_macro_by_hand():
    """Two classes of 4 and 2: gains of 1/4 and -1/2, their mean; a case of the small class weighs 1/4."""
    before = np.array([1, 1, 0, 0, 1, 1.0])
    after = np.array([1, 1, 1, 0, 0, 1.0])
    kinds = np.array([0, 0, 0, 0, 1, 1])
    counted = kinds[:, None] == np.arange(2)
    both = [np.repeat(each[:, None], 2, axis=1) for each in (before, after)]
    found = macro_difference(*both, counted, kinds, 0.025, None)
    assert found.difference == pytest.approx((0.25 - 0.5) / 2)
    assert found.weight == pytest.approx(0.25)
    variance = (np.sum((np.array([0, 0, 1, 0]) - 0.25) ** 2) / 8**2 + 2 * 0.5**2 / 4**2) * 6 / 5
    assert error_of(found) ** 2 == pytest.approx(variance)


def test_one_case_or_group_has_no_interval():
    assert mean_difference(np.array([0.1]), np.array([0.2]), 0.025, None) is None
    assert mean_difference(np.zeros(4), np.ones(4), 0.025, np.zeros(4, np.int64)) is None
