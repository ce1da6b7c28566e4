"""Shift: heads moved along the readout gradients, which raw signals allow exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgemed.types import Record


class Shift(Record):
    """`places`: standard deviation along each axis, in samples of the projection (field of view / samples);
    0 moves nothing. Echoes are read along `axes` gradients in turn.

    By the shift theorem of the Fourier transform: each readout gets a linear phase, none at its middle.
    """

    places: float = 0.0
    axes: int = 3

    def __call__(self, signals: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
        """Signals (n, shots, echoes, samples, coils, 2), each moved by its own draw."""
        if not self.places:
            return signals
        echoes, samples = signals.shape[2:4]
        moved = random.normal(0.0, self.places, (len(signals), self.axes))[:, np.arange(echoes) % self.axes]
        frequency = (np.arange(samples) - samples // 2) / samples
        turn = np.exp(-2j * np.pi * moved[:, :, None] * frequency).astype(np.complex64)
        turned = signals.view(np.complex64)[..., 0] * turn[:, None, :, :, None]
        return np.asarray(turned.view(np.float32).reshape(signals.shape))
