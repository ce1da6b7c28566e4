"""The steps before a network in training: an artefact's own graph, and the statistics that whiten it."""

from __future__ import annotations

import numpy as np
import pytest
from planted import planted

from edgemed.errors import BadInput
from edgemed.mr.raw_front import BATCH, STEPS, RawFront, statistics
from edgemed.types import InputSpec, Step

SPEC = InputSpec("signal", "float32", (2, 6, 8, 1, 2), "TESKQ")
KNOWN = (Step("iq_channels", {"shots": "channels", "echoes": "channels"}),)


def _signals(n: int) -> np.ndarray:
    held = planted(n, 3)["signal"]
    return np.stack((held.real, held.imag), -1)


def test_channels_are_shots_echoes_and_iq_of_one_place() -> None:
    front = RawFront(SPEC, KNOWN)
    assert (front.channels, front.length) == (24, 8)
    signals = _signals(5)
    rows = front(signals)
    assert (rows[3, :, 2].reshape(2, 6, 2) == signals[3, :, :, 2, 0]).all()


def test_the_default_steps_undo_gain_and_phase() -> None:
    front = RawFront(SPEC, STEPS)
    signals = _signals(4)
    turned = 3e4 * np.exp(0.7j) * (signals[..., 0] + 1j * signals[..., 1])
    other = front(np.stack((turned.real, turned.imag), -1).astype(np.float32))
    assert other == pytest.approx(front(signals), abs=1e-5)


def test_a_large_set_is_answered_in_pieces_row_by_row() -> None:
    front = RawFront(SPEC, STEPS)
    signals = _signals(BATCH + 3)
    rows = front(signals)
    assert rows.shape == (BATCH + 3, 24, 8)
    assert rows[-1:] == pytest.approx(front(signals[-1:]), abs=1e-6)


def test_whitened_values_have_mean_0_and_variance_1() -> None:
    rows = RawFront(SPEC, STEPS)(_signals(300))
    mean, std = statistics(rows)
    assert (mean.shape, mean.dtype, std.dtype) == ((24, 8), np.float32, np.float32)
    white = (rows - mean) / std
    assert white.mean(0) == pytest.approx(np.zeros((24, 8)), abs=1e-4)
    assert white.std(0) == pytest.approx(np.ones((24, 8)), rel=1e-4)


def test_what_does_not_vary_is_not_blown_up() -> None:
    """A reference divided by itself is 1 but for rounding."""
    rows = np.random.default_rng(0).normal(size=(50, 2, 4)).astype(np.float32)
    rows[:, 0, 1] = 1.0
    rows[::2, 0, 1] += np.float32(1e-7)
    mean, std = statistics(rows)
    assert np.abs((rows - mean) / std)[:, 0, 1].max() < 0.2


def test_noise_where_training_signals_stand_still_is_not_blown_up() -> None:
    random = np.random.default_rng(0)
    rows = np.zeros((50, 2, 8), np.float32)
    rows[:, 0] = random.normal(1.0, 0.1, (50, 8))
    rows[:, 1] = 1e-9 * random.standard_normal((50, 8))  # Q of real-valued signals, and rounding
    mean, std = statistics(rows)
    noisy = rows + 0.01 * random.standard_normal(rows.shape).astype(np.float32)
    white = (noisy - mean) / std
    assert np.abs(white[:, 1]).max() < 1
    assert np.allclose(std[0], rows[:, 0].std(0))


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_signals_that_are_all_the_same_are_refused(value: float) -> None:
    with pytest.raises(BadInput, match="the signals vary by"):
        statistics(np.full((5, 2, 4), value, np.float32))


@pytest.mark.parametrize("steps", [(), (Step("amplitude"),), (Step("dft", {"along": "sample"}),)], ids=len)
def test_steps_that_end_in_a_raw_signal_are_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(BadInput, match="layout 'TESKQ'; the networks take channels and samples") as caught:
        RawFront(SPEC, steps)
    assert "iq_channels" in caught.value.remedy
