"""Whether a raw MR signal is one that the artefact was made for, as far as its samples show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.types import InputSpec
from edgemed.types.signal_range import SignalRange

_CLIPPED = 8
"""Values of I or of Q of one coil at their largest or least: what is not clipped is there once."""
_SILENT = 8
"""Echoes of one value each, in a row: one alone may be 0 by rounding, a whole readout is not."""


def check_signals(spec: InputSpec, allowed: SignalRange | None, batch: NDArray[Any]) -> None:
    """`batch` is (N, shots, echoes, samples, coils, 2), finite.

    Raises `BadInput` for a signal of zeros, one that is clipped, one beyond the amplitudes that the artefact
    was made for, one with echoes of zeros alone (8 in a row where an echo is a single value), and one whose
    echoes do not rise and fall as theirs did, as where shots were exchanged or a train reversed. Neighbouring
    echoes exchanged, samples of a readout reversed, and I and Q exchanged do not show there.
    """
    for number, signal in enumerate(batch):
        where = f"input {spec.name}" + (f", case {number} of the batch" if len(batch) > 1 else "")
        _check_receiver(signal, where)
        if allowed is not None:
            _check_range(signal, allowed, where)


def echo_magnitudes(signal: NDArray[Any]) -> NDArray[np.float64]:
    """(shots * echoes,) root mean square of the samples of each echo, in all coils."""
    shots, echoes = signal.shape[:2]
    squares = np.square(signal, dtype=np.float64).reshape(shots * echoes, -1).sum(axis=1)
    magnitudes: NDArray[np.float64] = np.sqrt(squares / (signal[0, 0].size / 2))
    return magnitudes


def likeness(magnitudes: NDArray[np.float64], envelope: NDArray[np.float64]) -> float:
    """Pearson's correlation; 1 where there is a single echo or nothing varies."""
    own, other = magnitudes - magnitudes.mean(), envelope - envelope.mean()
    both = float(np.sqrt((own @ own) * (other @ other)))
    return float(own @ other) / both if both > 0 else 1.0


def _check_receiver(signal: NDArray[Any], where: str) -> None:
    if not signal.any():
        raise BadInput("every sample is 0", where=where, remedy="check the receiver and its coil")
    silent = ~signal.reshape(*signal.shape[:2], -1).any(axis=2)
    row = min(_SILENT, silent.shape[1]) if signal[0, 0].size == 2 else 1
    rows = np.argwhere(np.lib.stride_tricks.sliding_window_view(silent, row, axis=1).all(axis=2))
    if len(rows):
        shot, echo = rows[0]
        raise BadInput(
            f"{silent.sum()} echoes hold zeros alone, the first is echo {echo} of shot {shot}",
            where=where,
            remedy="acquire again: the sequence did not run to its end, or data were lost",
        )
    parts = signal.reshape(-1, signal.shape[3] * 2).T
    for side in (parts, -parts):
        peaks = side.max(axis=1, keepdims=True)
        at_peak = ((side >= peaks * (1 - 1e-6)) & (peaks > 0)).sum(axis=1)
        worst = int(at_peak.argmax())
        if at_peak[worst] >= _CLIPPED:
            raise BadInput(
                f"clipped: {at_peak[worst]} of {side.shape[1]} values of {'IQ'[worst % 2]} in coil "
                f"{worst // 2} are at its end, {abs(float(peaks[worst, 0])):.4g}",
                where=where,
                remedy="lower the receiver gain and acquire again",
            )


def _check_range(signal: NDArray[Any], allowed: SignalRange, where: str) -> None:
    magnitudes = echo_magnitudes(signal)
    rms = float(np.sqrt(np.mean(magnitudes**2)))
    low, high = allowed.rms
    if not low <= rms <= high:
        raise BadInput(
            f"the signal's root mean square is {rms:.4g}, expected {low:.4g} to {high:.4g}",
            where=where,
            remedy="give the receiver's own unit and gain, as in the calibration set",
        )
    alike = likeness(magnitudes, np.array(allowed.envelope))
    if alike < allowed.likeness:
        raise BadInput(
            f"the echoes rise and fall otherwise than those it was made for: correlation {alike:.3f}, at "
            f"least {allowed.likeness:.3f} is expected",
            where=where,
            remedy="check the order of shots and echoes, and that the sequence ran to its end",
        )
