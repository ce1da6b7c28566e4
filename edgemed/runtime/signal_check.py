"""Whether a raw MR signal is one that the artefact was made for, as far as its samples show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.errors import BadInput
from edgemed.types import InputSpec
from edgemed.types.signal_range import SignalRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLIPPED = 8
"""Values of I or of Q of one coil at their largest or least: what is not clipped is there once."""
_SILENT = 8
"""Echoes of one value each, in a row, and samples more than in the calibration set: one alone may be 0 by
rounding, a whole readout is not."""
_NEAR = np.float32(1 - 1e-6)
_LEAST_SQUARE = 1e-30
"""Of an echo's sum of squares in float32; below, values are lost."""


def check_signals(spec: InputSpec, allowed: SignalRange | None, batch: NDArray[Any]) -> None:
    """`batch` is (N, shots, echoes, samples, coils, 2).

    Raises `BadInput` for values that are not finite, a signal or a coil of zeros, one that is clipped, one
    beyond the amplitudes that the artefact was made for, one with echoes of zeros alone (8 in a row where an
    echo is a single value) or 8 samples of 0 more than theirs, and one whose echoes do not rise and fall as
    theirs did: shots exchanged, a train reversed, neighbouring echoes exchanged where they differ by more
    than heads do. Samples of a readout reversed or moved, I and Q exchanged, a shot inverted and an offset do
    not show.
    """
    for number, signal in enumerate(batch):
        where = f"input {spec.name}" + (f", case {number} of the batch" if len(batch) > 1 else "")
        magnitudes = echo_magnitudes(signal)
        if not math.isfinite(magnitudes.sum()):
            raise BadInput(f"input {spec.name!r} holds NaN or infinite values")
        if not signal.all():
            _check_echoes(magnitudes.reshape(signal.shape[:2]), single=signal[0, 0].size == 2, where=where)
            _check_coils(signal, where)
            if allowed is not None:
                _check_zeros(signal, allowed.zeros + _SILENT, where)
        _check_clipping(signal, where)
        if allowed is not None:
            _check_range(magnitudes, allowed, where)
            _check_order(magnitudes, allowed, echoes=signal.shape[1], where=where)


def echo_magnitudes(signal: NDArray[Any]) -> NDArray[np.float64]:
    """(shots * echoes,) root mean square of the samples of each echo, in all coils."""
    rows = signal.reshape(signal.shape[0] * signal.shape[1], -1)
    squares = np.einsum("es,es->e", rows, rows)
    if not _LEAST_SQUARE < squares.min() <= squares.max() < math.inf:  # float32 is out of its range
        rows = rows.astype(np.float64)
        squares = np.einsum("es,es->e", rows, rows)
    magnitudes: NDArray[np.float64] = np.sqrt(squares.astype(np.float64) * (2 / rows.shape[1]))
    return magnitudes


def likeness(magnitudes: NDArray[np.float64], centred: NDArray[np.float64], squares: float) -> float:
    """Pearson's correlation with an envelope minus its mean, `squares` being the sum of its squares; 1 where
    there is a single echo or nothing varies."""
    own = magnitudes - magnitudes.sum() / len(magnitudes)
    both = math.sqrt((own @ own) * squares)
    return float(own @ centred) / both if both > 0 else 1.0


def _check_echoes(magnitudes: NDArray[np.float64], *, single: bool, where: str) -> None:
    """(shots, echoes); `single`: an echo is one value."""
    silent = magnitudes == 0
    if not silent.any():
        return
    if silent.all():
        raise BadInput("every sample is 0", where=where, remedy="check the receiver and its coil")
    row = min(_SILENT, silent.shape[1]) if single else 1
    rows = np.argwhere(np.lib.stride_tricks.sliding_window_view(silent, row, axis=1).all(axis=2))
    if len(rows):
        shot, echo = rows[0]
        raise BadInput(
            f"{silent.sum()} echoes hold zeros alone, the first is echo {echo} of shot {shot}",
            where=where,
            remedy="acquire again: the sequence did not run to its end, or data were lost",
        )


def _check_coils(signal: NDArray[Any], where: str) -> None:
    silent = np.flatnonzero(~signal.any(axis=(0, 1, 2, 4)))
    if len(silent):
        raise BadInput(
            f"every sample of coil {silent[0]} is 0",
            where=where,
            remedy="check that coil and its receiver, and acquire again",
        )


def zeros_in(signal: NDArray[Any]) -> int:
    """Samples whose I and Q are exactly 0, which no receiver's noise leaves."""
    return signal.size // 2 - int(np.count_nonzero(signal.any(axis=-1)))


def _check_zeros(signal: NDArray[Any], most: int, where: str) -> None:
    zeros = zeros_in(signal)
    if zeros > most:
        raise BadInput(
            f"{zeros} of {signal.size // 2} samples are exactly 0, at most {most} are expected",
            where=where,
            remedy="acquire again: readouts were cut short, or data were lost",
        )


def _check_clipping(signal: NDArray[Any], where: str) -> None:
    """Of I and of Q of each coil, at its upper and at its lower end."""
    parts = np.ascontiguousarray(signal.reshape(-1, signal.shape[3] * 2).T)
    for side, peaks in ((1.0, parts.max(axis=1)), (-1.0, parts.min(axis=1))):
        near = (peaks * _NEAR)[:, np.newaxis]
        at_end = parts >= near if side > 0 else parts <= near
        if np.count_nonzero(at_end) < _CLIPPED:
            continue
        at_peak = at_end.sum(axis=1) * (peaks * side > 0)
        if at_peak.max() >= _CLIPPED:
            worst = int(at_peak.argmax())
            raise BadInput(
                f"clipped: {at_peak[worst]} of {parts.shape[1]} values of {'IQ'[worst % 2]} in coil "
                f"{worst // 2} are at its end, {abs(float(peaks[worst])):.4g}",
                where=where,
                remedy="lower the receiver gain and acquire again; a simulated signal without noise "
                "(edgemed mr simulate --clean) looks so too, and no receiver gives it: simulate with noise",
            )


def _check_range(magnitudes: NDArray[np.float64], allowed: SignalRange, where: str) -> None:
    rms = math.sqrt(magnitudes @ magnitudes / len(magnitudes))
    low, high = allowed.rms
    if not low <= rms <= high:
        raise BadInput(
            f"the signal's root mean square is {rms:.4g}, expected {low:.4g} to {high:.4g}",
            where=where,
            remedy="give the receiver's own unit and gain, as in the calibration set",
        )
    alike = likeness(magnitudes, *allowed.centred_envelope)
    if alike < allowed.likeness:
        raise BadInput(
            f"the echoes rise and fall otherwise than those it was made for: correlation {alike:.3f}, at "
            f"least {allowed.likeness:.3f} is expected",
            where=where,
            remedy="check the order of shots and echoes, and that the sequence ran to its end",
        )


def _check_order(magnitudes: NDArray[np.float64], allowed: SignalRange, *, echoes: int, where: str) -> None:
    first, expected = allowed.ordered_array, allowed.ordered_steps
    steps = (magnitudes[allowed.next_array] - magnitudes[first]) / (magnitudes.sum() / len(magnitudes))
    against = steps * expected < allowed.least_progress
    if against.any():
        before = int(first[against.argmax()])
        shot, echo = divmod(before + 1, echoes)
        usual = allowed.envelope[before + 1] / allowed.envelope[before]
        raise BadInput(
            f"echo {echo} of shot {shot} has {magnitudes[before + 1] / magnitudes[before]:.3f} times the "
            f"magnitude of the echo before it, expected about {usual:.3f}",
            where=where,
            remedy="check the order of the echoes: some are exchanged",
        )
