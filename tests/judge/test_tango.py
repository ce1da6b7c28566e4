"""Tango's interval against published examples, its definition and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.judge.tango import fewest_cases, proves, statistic, tango

Z = 1.959963984540054
TABLES = st.integers(1, 2000).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n)).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.integers(0, pair[1] - pair[0]), st.just(pair[1]))
    )
)


@pytest.mark.parametrize(
    ("better", "worse", "n", "low", "high"),
    [(1, 7, 21, -0.5172, -0.0260), (6, 16, 161, -0.1240, -0.0054)],
)
def test_the_statistic_is_that_of_fagerland_2014(better, worse, n, low, high):
    """Airway hyper-responsiveness (Bentur 2009) and complete response (Cavo 2012) before and after, in
    Fagerland, Lydersen, Laake, Statistics in Medicine 33 (2014) 2850-2875: Tango's limits solve T = +-z."""
    assert statistic(better, worse, n, low) == pytest.approx(Z, abs=5e-3)
    assert statistic(better, worse, n, high) == pytest.approx(-Z, abs=5e-3)


def test_the_interval_is_hardly_wider_than_the_published_one():
    low, high = tango(6, 16, 161, 0.025)
    assert low == pytest.approx(-0.1240, abs=2e-3)
    assert high == pytest.approx(-0.0054, abs=4e-3)
    assert low < -0.1240
    assert high > -0.0054


def test_at_no_difference_the_statistic_is_mcnemars():
    assert statistic(9, 4, 100, 0.0) == pytest.approx(5 / np.sqrt(13))


def test_without_a_change_the_bound_is_that_of_a_score_interval():
    """-z^2 / (n + z^2), and Clopper and Pearson's 1 - alpha^(1/n) where that is wider."""
    assert tango(0, 0, 1000, 0.025)[0] == pytest.approx(-(Z**2) / (1000 + Z**2), abs=1e-12)
    assert tango(0, 0, 1000, 0.05)[0] <= -(1 - 0.05 ** (1 / 1000))


@pytest.mark.parametrize(("margin", "cases"), [(0.05, 73), (0.02, 189), (0.01, 381)])
def test_fewest_cases_are_those_that_the_defaults_name(margin, cases):
    assert fewest_cases(margin, 0.025) == cases


@given(st.floats(0.001, 0.6), st.floats(0.001, 0.4))
def test_fewest_cases_prove_and_one_less_does_not(margin, alpha):
    cases = fewest_cases(margin, alpha)
    assert proves(0, 0, cases, margin, alpha)
    assert cases == 1 or not proves(0, 0, cases - 1, margin, alpha)


@given(TABLES, st.floats(0.001, 0.4))
def test_the_interval_holds_the_estimate_and_turns_round_with_the_models(table, alpha):
    better, worse, n = table
    low, high = tango(better, worse, n, alpha)
    assert -1 <= low <= (better - worse) / n <= high <= 1
    assert tango(worse, better, n, alpha) == (-high, -low)


@given(TABLES, st.floats(0.002, 0.9), st.floats(0.001, 0.4))
def test_proves_says_what_the_bound_says(table, margin, alpha):
    low, _ = tango(*table, alpha)
    if abs(low + margin) > 1e-9:
        assert bool(proves(*table, margin, alpha)) == (low > -margin)


@given(TABLES, st.floats(0.002, 0.9))
def test_a_further_lost_case_never_helps(table, margin):
    better, worse, n = table
    if better + worse < n:
        assert tango(better, worse + 1, n, 0.025)[0] <= tango(better, worse, n, 0.025)[0] + 1e-12


def test_arrays_give_what_single_tables_give_and_large_ones_hold():
    better, worse, n = np.array([0, 3, 53]), np.array([0, 9, 16]), np.array([40, 32, 300])
    low, high = tango(better, worse, n, 0.025)
    for i in range(3):
        assert tango(better[i], worse[i], n[i], 0.025) == (low[i], high[i])
    low, high = tango(300_000, 200_000, 1_000_000, 0.025)
    assert 0.1 - low == pytest.approx(Z * np.sqrt(0.49 / 1e6), rel=1e-3)
    assert high - 0.1 == pytest.approx(Z * np.sqrt(0.49 / 1e6), rel=1e-3)


def test_all_cases_lost_or_won():
    assert tango(0, 50, 50, 0.025)[0] == pytest.approx(-1.0)
    assert tango(50, 0, 50, 0.025)[1] == pytest.approx(1.0)
