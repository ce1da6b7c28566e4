"""SignalStatistics: what the raw MR signals of the calibration set have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.runtime.signal_check import check_signals, echo_magnitudes, likeness
from edgemed.types import InputSpec, Sample, SignalRange

_SPARE = 3.0
"""A signal's correlation may lie this many times as far below 1 as the least of the calibration set."""
_FLOOR = 0.02
"""And this far in any case: a set without noise leaves no room."""


LEAST_LIKENESS = 0.5
"""Whatever the calibration set holds: a reversed train lies far below."""


class SignalStatistics:
    """Gathers one input's signals as they stream by. Keeps a number per echo and case, never samples."""

    def __init__(self, spec: InputSpec) -> None:
        self._spec = spec
        self._magnitudes: list[NDArray[np.float64]] = []

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

    def range(self) -> SignalRange:
        """Of at least one signal."""
        magnitudes = np.stack(self._magnitudes)
        rms = np.sqrt((magnitudes**2).mean(axis=1))
        envelope = (magnitudes / magnitudes.mean(axis=1, keepdims=True)).mean(axis=0)
        least = min(likeness(each, envelope) for each in magnitudes)
        return SignalRange(
            (float(rms.min()), float(rms.max())),
            tuple(envelope.tolist()),
            max(1.0 - max(_SPARE * (1.0 - least), _FLOOR), LEAST_LIKENESS),
        )
