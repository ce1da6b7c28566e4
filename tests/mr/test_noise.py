"""Noise that is drawn on top of signals: as strong as asked, white, each signal's own."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.mr.noise import with_fresh_noise

SHAPE = (40, 2, 8, 16, 2, 2)


def _signals() -> np.ndarray:
    """Of unlike sizes: the SNR is each signal's own."""
    random = np.random.default_rng(1)
    return (np.logspace(-3, 3, 40).reshape(-1, 1, 1, 1, 1, 1) * random.normal(size=SHAPE)).astype(np.float32)


def _reached(signals: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """(n,) largest magnitude of the first echo over the deviation of a complex sample, I and Q together."""
    first = np.hypot(*np.moveaxis(signals[:, 0, 0].astype(np.float64), -1, 0)).reshape(len(signals), -1)
    added = (noisy - signals).astype(np.float64).reshape(len(signals), -1, 2)
    return np.asarray(first.max(1) / np.sqrt((added**2).sum(2).mean(1)))


@pytest.mark.parametrize("snr", [20.0, 3000.0])
def test_the_noise_has_the_snr_that_was_asked_for(snr: float) -> None:
    signals = _signals()
    noisy = with_fresh_noise(signals, (snr,), np.random.default_rng(2))
    assert noisy.dtype == np.float32
    # 512 complex samples: the deviation is known to 1 / sqrt(1024), 3 %; float32 rounds signals to 1e-7
    assert _reached(signals, noisy) == pytest.approx(np.full(40, snr), rel=0.15)
    assert _reached(signals, noisy).mean() == pytest.approx(snr, rel=0.02)


def test_the_noise_is_white() -> None:
    signals = np.ones(SHAPE, np.float32)
    added = with_fresh_noise(signals, (10.0,), np.random.default_rng(3)) - signals
    rows = (added / added.std()).reshape(40, -1)
    assert abs(rows.mean()) < 0.02
    neighbours = [(rows[:, step:] * rows[:, :-step]).mean() for step in (1, 2, 4, 64)]
    assert np.abs(neighbours).max() < 0.02


def test_several_snrs_are_the_ends_of_what_is_drawn() -> None:
    signals = np.ones((4000, 1, 4, 64, 1, 2), np.float32)
    reached = np.log10(_reached(signals, with_fresh_noise(signals, (3000.0, 30.0), np.random.default_rng(4))))
    assert np.quantile(reached, [0.25, 0.5, 0.75]) == pytest.approx(np.log10([94.9, 300, 949]), abs=0.05)
    assert np.log10(30) - 0.1 < reached.min() < np.log10(30) + 0.1
    assert np.log10(3000) - 0.1 < reached.max() < np.log10(3000) + 0.1


def test_without_an_snr_signals_stay_as_they_are() -> None:
    signals = _signals()
    assert with_fresh_noise(signals, (), np.random.default_rng(0)) is signals
