"""Extended phase graphs against solutions that do not use them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemed.mr.epg import cpmg, invert, recover

ECHOES, SPACING_S = 32, 0.015
fractions = st.floats(-1.0, 1.0)
angles = st.floats(0.05, math.pi)
times_s = st.floats(0.01, 5.0)


def _bloch(
    start: float, t1_s: float, t2_s: float, b1: float, refocusing: float, echoes: int
) -> tuple[np.ndarray, float]:
    """Isochromats that turn by all angles between two pulses, each rotated and relaxed by itself."""
    spins = 4 * echoes + 4
    turn = 2.0 * np.pi * np.arange(spins) / spins
    m = np.zeros((3, spins))
    m[2] = start

    def about(axis: int, angle: float) -> None:
        one, other = m[(axis + 1) % 3].copy(), m[(axis + 2) % 3].copy()
        m[(axis + 1) % 3] = math.cos(angle) * one - math.sin(angle) * other
        m[(axis + 2) % 3] = math.sin(angle) * one + math.cos(angle) * other

    def wait(time_s: float) -> None:
        x, y = m[0].copy(), m[1].copy()
        m[0] = (np.cos(turn) * x - np.sin(turn) * y) * math.exp(-time_s / t2_s)
        m[1] = (np.sin(turn) * x + np.cos(turn) * y) * math.exp(-time_s / t2_s)
        m[2] = 1.0 + (m[2] - 1.0) * math.exp(-time_s / t1_s)

    about(1, b1 * math.pi / 2)
    heights = []
    for _ in range(echoes):
        wait(SPACING_S / 2)
        about(0, b1 * refocusing)
        wait(SPACING_S / 2)
        heights.append(m[0].mean())
    return np.array(heights), float(m[2].mean())


def test_half_turns_leave_the_decay_of_t2() -> None:
    t2_s = np.array([0.09, 0.102, 1.584])
    echoes, _ = cpmg(1.0, np.array([0.13, 0.275, 3.695]), t2_s, 1.0, spacing_s=SPACING_S, echoes=ECHOES)
    times = SPACING_S * np.arange(1, ECHOES + 1)
    assert echoes == pytest.approx(np.exp(-times[:, None] / t2_s), rel=1e-12)


def test_recovery_after_inversion_is_the_textbooks() -> None:
    t1_s = np.array([0.13, 0.275, 3.695])
    for wait in (0.19, 0.4):
        assert recover(invert(1.0, 1.0), wait, t1_s) == pytest.approx(1.0 - 2.0 * np.exp(-wait / t1_s))


def test_inversion_crosses_zero_at_ln_2_of_t1() -> None:
    assert recover(invert(1.0, 1.0), 0.275 * math.log(2.0), 0.275) == pytest.approx(0.0, abs=1e-15)


def test_a_wrong_inversion_angle_leaves_its_cosine() -> None:
    assert invert(0.8, 0.9) == pytest.approx(0.8 * math.cos(0.9 * math.pi))


@given(angle=angles)
@settings(max_examples=30)
def test_the_first_echo_goes_with_the_square_of_half_the_angles_sine(angle: float) -> None:
    echoes, _ = cpmg(1.0, 1e9, 1e9, 1.0, spacing_s=SPACING_S, echoes=3, refocusing=angle)
    assert echoes[0] == pytest.approx(math.sin(angle / 2) ** 2, abs=1e-7)


@given(start=fractions, t1_s=times_s, ratio=st.floats(0.05, 1.0), b1=st.floats(0.3, 1.3), angle=angles)
@settings(max_examples=15)
def test_any_train_is_the_sum_of_its_isochromats(
    start: float, t1_s: float, ratio: float, b1: float, angle: float
) -> None:
    echoes, end = cpmg(start, t1_s, t1_s * ratio, b1, spacing_s=SPACING_S, echoes=ECHOES, refocusing=angle)
    expected, expected_end = _bloch(start, t1_s, t1_s * ratio, b1, angle, ECHOES)
    assert echoes == pytest.approx(expected, abs=1e-11)
    assert end == pytest.approx(expected_end, abs=1e-11)


@given(start=fractions, t1_s=times_s, ratio=st.floats(0.05, 1.0), b1=st.floats(0.3, 1.3), angle=angles)
@settings(max_examples=30)
def test_no_echo_is_larger_than_what_was_there(
    start: float, t1_s: float, ratio: float, b1: float, angle: float
) -> None:
    echoes, end = cpmg(start, t1_s, t1_s * ratio, b1, spacing_s=SPACING_S, echoes=ECHOES, refocusing=angle)
    assert np.abs(echoes).max() <= abs(start) + 1e-12
    assert abs(end) <= 1.0 + 1e-12


def test_many_at_once_are_each_by_itself() -> None:
    random = np.random.default_rng(1)
    start, t1_s, b1 = (
        random.uniform(-1, 1, (4, 1)),
        random.uniform(0.1, 4, 5),
        random.uniform(0.7, 1.1, (4, 5)),
    )
    echoes, end = cpmg(start, t1_s, 0.5 * t1_s, b1, spacing_s=SPACING_S, echoes=6)
    assert echoes.shape == (6, 4, 5)
    for row, column in np.ndindex(4, 5):
        alone, alone_end = cpmg(
            start[row, 0], t1_s[column], 0.5 * t1_s[column], b1[row, column], spacing_s=SPACING_S, echoes=6
        )
        assert alone.shape == (6,)
        assert echoes[:, row, column] == pytest.approx(alone, abs=1e-14)
        assert end[row, column] == pytest.approx(float(alone_end), abs=1e-14)


def test_what_a_half_turn_train_leaves_longitudinal_is_alternating_recovery() -> None:
    t1_s, longitudinal = 0.3, 0.0
    for _ in range(ECHOES):
        longitudinal = float(recover(-recover(longitudinal, SPACING_S / 2, t1_s), SPACING_S / 2, t1_s))
    _, end = cpmg(0.7, t1_s, 0.1, 1.0, spacing_s=SPACING_S, echoes=ECHOES)
    assert end == pytest.approx(longitudinal, abs=1e-12)
