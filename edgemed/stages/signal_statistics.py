"""SignalStatistics: what the raw MR signals of the calibration set have in common."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.runtime.signal_check import check_signals, echo_magnitudes, likeness, zeros_in
from edgemed.types import InputSpec, Sample, SignalRange

_SPARE = 3.0
"""A signal's correlation may lie this many times as far below 1 as the least of the calibration set."""
_FLOOR = 0.02
"""And this far in any case, and echoes differ by more than this of their mean to be in order: a set without
noise leaves no room."""

LEAST_LIKENESS = 0.5
"""Whatever the calibration set holds: a reversed train lies far below."""
_SIGMAS = 4.0
"""Standard deviations of log amplitudes that are usual: of many signals, and more of few."""
_ENOUGH = 10
"""Signals from which on the range of what neighbouring echoes differ by says what is usual."""

ANY_GAIN = 10.0
"""Where steps take the gain away: beyond this factor of the calibration set's range it is another unit, or no
signal."""
GAIN_STEP = "amplitude"
"""`z_score` is none: its `eps` is an amplitude, and signals in volts are less."""


class SignalStatistics:
    """Gathers one input's signals as they stream by. Keeps a number per echo and case, never samples.

    `steps` are the names of the input's steps: without `GAIN_STEP` an answer depends on the gain, and
    amplitudes are held to the calibration set's own.
    """

    def __init__(self, spec: InputSpec, steps: Collection[str]) -> None:
        self._spec = spec
        self._any_gain = GAIN_STEP in steps
        self._magnitudes: list[NDArray[np.float64]] = []
        self._zeros = 0

    def add(self, sample: Sample, allowed: SignalRange | None = None) -> None:
        """Raises `BadInput`, with the sample's name, where an artefact for `allowed` signals would refuse."""
        signal = sample.inputs[self._spec.name]
        try:
            check_signals(self._spec, allowed, signal[np.newaxis])
        except BadInput as error:
            raise BadInput(
                error.problem, where=f"{sample.name}, {error.where}", remedy=error.remedy
            ) from None
        self._magnitudes.append(echo_magnitudes(signal))
        self._zeros = max(self._zeros, zeros_in(signal))

    def range(self) -> SignalRange:
        """Of at least one signal."""
        magnitudes = np.stack(self._magnitudes)
        rms = np.sqrt((magnitudes**2).mean(axis=1))
        scaled = magnitudes / magnitudes.mean(axis=1, keepdims=True)
        envelope, steps = scaled.mean(axis=0), np.diff(scaled, axis=1)
        ordered = np.abs(steps.mean(axis=0)) > np.maximum(np.ptp(steps, axis=0), _FLOOR)
        centred = envelope - envelope.mean()
        least = min(likeness(each, centred, float(centred @ centred)) for each in magnitudes)
        return SignalRange(
            self._amplitudes(rms),
            tuple(envelope.tolist()),
            max(1.0 - max(_SPARE * (1.0 - least), _FLOOR), LEAST_LIKENESS),
            tuple(np.flatnonzero(ordered).tolist()) if len(magnitudes) >= _ENOUGH else (),
            self._zeros,
        )

    def _amplitudes(self, rms: NDArray[np.float64]) -> tuple[float, float]:
        """Between which bounds (n,) root mean squares leave a signal's."""
        low, high = float(rms.min()), float(rms.max())
        if self._any_gain:
            return low / ANY_GAIN, high * ANY_GAIN
        logs = np.log(rms)
        reach = _SIGMAS * (1 + _ENOUGH / len(rms)) * float(logs.std())
        least, most = (math.exp(logs.mean() + side * reach) for side in (-1, 1))
        spare = 1.0 + _FLOOR
        return max(min(least, low / spare), low / ANY_GAIN), min(max(most, high * spare), high * ANY_GAIN)
