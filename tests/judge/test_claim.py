"""The probability that a claim is false: against the posterior itself, from counts and published figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.judge.claim import claim_false, claim_of_counts, claim_of_figures, claims_of_figures


@pytest.mark.parametrize(("only_a", "only_b", "n"), [(0, 0, 10), (3, 1, 50), (25, 15, 500), (8, 14, 40)])
def test_it_is_the_posterior_of_the_whole_table(only_a, only_b, n):
    """Flat prior on four cells (both, only A, only B, neither): draws, whose error is .0024 at 3 sigma."""
    both = (n - only_a - only_b) // 2
    cells = np.array([both, only_a, only_b, n - only_a - only_b - both]) + 1
    drawn = np.random.default_rng(0).dirichlet(cells, 400_000)
    false = (drawn[:, 0] + drawn[:, 1] <= drawn[:, 0] + drawn[:, 2]).mean()
    assert claim_false(only_a, only_b) == pytest.approx(false, abs=0.0024)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (5, 0), (25, 15), (3, 9), (41.85, 31.85)])
def test_it_is_the_integral_of_the_dirichlet_density(x, y):
    """Over the shares p of A and q of B with p <= q, of (x + 1, y + 1, rest + 2), by quadrature."""
    from scipy.integrate import dblquad
    from scipy.special import gammaln, xlogy

    rest = 60.0
    norm = gammaln(x + y + rest + 4) - gammaln(x + 1) - gammaln(y + 1) - gammaln(rest + 2)

    def density(p: float, q: float) -> float:
        left = max(1 - p - q, 0.0)
        return float(np.exp(norm + xlogy(x, p) + xlogy(y, q) + xlogy(rest + 1, left)))

    below, _ = dblquad(density, 0, 1, 0, lambda q: min(q, 1 - q), epsabs=1e-7)
    assert claim_false(x, y) == pytest.approx(below, abs=1e-5)


def test_small_tables_by_hand():
    """Beta(2, 1) below 1/2 is 1/4; Beta(k + 1, 1) is (1/2)^(k + 1)."""
    assert claim_false(1, 0) == pytest.approx(1 / 4)
    assert claim_false(0, 1) == pytest.approx(3 / 4)
    assert claim_false(10, 0) == pytest.approx(0.5**11)


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_the_opposite_claim_has_the_rest(only_a, only_b):
    assert claim_false(only_a, only_b) + claim_false(only_b, only_a) == pytest.approx(1)


@given(st.floats(0, 1e5))
def test_two_equal_models_give_one_half_whatever_the_number_of_cases(discordant):
    assert claim_false(discordant, discordant) == pytest.approx(0.5)


def test_published_figures_give_the_discordant_cases():
    found = claim_of_figures(0.93, 0.91, 500, 0.88)
    assert (found.only_a, found.only_b) == (25, 15)
    assert found.false == claim_of_counts(25, 15).false
    assert claim_of_figures(0.93, 0.91, 500, 0.91).only_b == 0


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_what_is_possible_bounds_what_is_so(n, acc_a, acc_b, at):
    fewest, independent, most = claims_of_figures(acc_a, acc_b, n)
    assert fewest.congruence is not None
    assert most.congruence is not None
    share = fewest.congruence + at * (most.congruence - fewest.congruence)
    found = claim_of_figures(acc_a, acc_b, n, share)
    low, high = sorted([fewest.false, most.false])
    assert low - 1e-6 <= found.false <= high + 1e-6
    assert low - 1e-6 <= independent.false <= high + 1e-6
    assert fewest.only_a + fewest.only_b <= n + 1e-6


@pytest.mark.parametrize("congruence", [0.83, 0.92, -0.1, float("nan")])
def test_a_congruence_that_no_table_has_is_refused(congruence):
    with pytest.raises(BadInput, match=r"0\.84 to 0\.91"):
        claim_of_figures(0.93, 0.91, 500, congruence)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((93, 0.9, 10), "93 is not a share"), ((0.9, -1, 10), "-1 is not a share"), ((0.9, 0.9, 0), "0 cases")],
)
def test_figures_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(BadInput, match=words):
        claims_of_figures(*arguments)


@pytest.mark.parametrize("count", [-1, float("nan"), float("inf")])
def test_a_number_of_cases_that_cannot_be_is_refused(count):
    with pytest.raises(BadInput, match="no number of cases"):
        claim_false(3, count)
