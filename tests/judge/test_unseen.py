"""Room for what was not seen: score intervals of rare changes, exact ones, groups."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.judge.unseen import allowance, fewest_units, half_width, weight_of

Z = 1.959963984540054


def test_nothing_seen_leaves_the_bound_of_a_share_that_was_nought():
    assert allowance(1 / 200, 0.025) == pytest.approx(Z**2 / (200 + Z**2))
    assert allowance(1 / 200, 0.05) == pytest.approx(1 - 0.05 ** (1 / 200))
    assert half_width(0.0, 200, 1 / 200, 0.025) == pytest.approx(Z**2 / (200 + Z**2))


@pytest.mark.parametrize("seen", [1, 4, 20])
def test_rare_changes_have_the_score_interval_of_their_number(seen):
    """k + z^2/2 + sqrt(k z^2 + z^4/4) for a Poisson count, here of a million cases."""
    n = 1_000_000
    high = seen / n + half_width(math.sqrt(seen) / n, n, 1 / n, 0.025)
    assert high * n == pytest.approx(seen + Z**2 / 2 + math.sqrt(seen * Z**2 + Z**4 / 4), rel=1e-4)


def test_changes_of_another_size_scale_it():
    assert half_width(0.3, 50, 1 / 50, 0.025, 10.0) == pytest.approx(10 * half_width(0.03, 50, 1 / 50, 0.025))


def test_groups_weigh_by_their_size():
    """Groups of 3 and 1 of 4 cases: a case drawn is of the large one three times in four."""
    parts = np.full(4, 0.25)
    assert weight_of(parts, None, 0.025) == pytest.approx(0.25)
    uneven = weight_of(parts, np.array([0, 0, 0, 1]), 0.025)
    lost = 1 - 2 * math.sqrt(0.75 * 0.25 * 0.025)
    assert 1 - 0.025**uneven == pytest.approx(lost)


@pytest.mark.parametrize(("heavy", "light"), [((50, 4), (1, 800)), ((10, 20), (1, 300)), ((2, 3), (1, 615))])
def test_a_loss_in_the_heaviest_groups_is_seen_unless_it_lies_within_the_room(heavy, light):
    """Whatever share of each kind of group fails, unseen with probability alpha, costs the room at most."""
    alpha = 0.025
    sizes = np.repeat([heavy[0], light[0]], [heavy[1], light[1]])
    groups = np.repeat(np.arange(len(sizes)), sizes)
    cases = len(groups)
    room = float(allowance(weight_of(np.full(cases, 1 / cases), groups, alpha), alpha))
    worst = 0.0
    for share in np.linspace(
        0, 0.999, 1000
    ):  # of the heavy groups that fail; the light ones take what is left
        left = math.log(alpha) - heavy[1] * math.log1p(-share)
        if left <= 0:
            lost = heavy[0] * heavy[1] * share + light[0] * light[1] * -math.expm1(left / light[1])
            worst = max(worst, lost / cases)
    assert 0.98 * worst < room
    assert room == pytest.approx(worst, rel=0.08)


@given(st.floats(0.002, 2.0), st.floats(0.001, 0.4))
def test_fewest_units_leave_less_room_than_the_margin_and_one_less_does_not(margin, alpha):
    fewest = fewest_units(margin, alpha, 1.5)
    assert 1.5 * allowance(1 / fewest, alpha) < margin or fewest == 2
    assert fewest == 2 or 1.5 * allowance(1 / (fewest - 1), alpha) >= margin


def test_arrays_broadcast():
    wide = half_width(np.array([0.0, 0.1]), np.array([10, 20]), np.array([0.1, 0.05]), 0.025)
    assert wide.shape == (2,)
    assert wide[1] == half_width(0.1, 20, 0.05, 0.025)
