"""Noise: what a receiver adds, as signal-to-noise ratio per complex sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def noise_deviation(first_echo: NDArray[Any], snr: float) -> float:
    """Standard deviation of the noise in one complex sample, I and Q together: the largest magnitude of the
    first echo, complex of any shape, over `snr`."""
    return float(np.abs(first_echo).max()) / snr


def with_fresh_noise(
    signals: NDArray[np.float32], snrs: tuple[float, ...], random: np.random.Generator
) -> NDArray[np.float32]:
    """Signals (n, shots, echoes, samples, coils, 2) with complex white noise on top of what they have.

    The SNR of each is drawn log-uniform between the smallest and the largest of `snrs`; none adds nothing.
    """
    if not snrs:
        return signals
    low, high = np.log(min(snrs)), np.log(max(snrs))
    drawn = np.exp(random.uniform(low, high, len(signals)))
    first = signals[:, 0, 0].view(np.complex64)
    deviations = [noise_deviation(echo, snr) for echo, snr in zip(first, drawn, strict=True)]
    scale = (np.array(deviations, np.float32) / np.float32(np.sqrt(2.0))).reshape(-1, 1, 1, 1, 1, 1)
    return signals + scale * random.standard_normal(signals.shape, dtype=np.float32)
