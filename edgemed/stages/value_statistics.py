"""ValueStatistics: between what bounds the values of an input lie in the data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgemed.stages.signal_statistics import ANY_GAIN
from edgemed.types import InputSpec, Sample, ValueRange

_ONE_SPAN = 1.0
"""Beyond the values that were seen: a grey level of 200 where 0 to 1 was seen lies outside, a patient ten
years older does not."""
_ANY_SCALE = {"z_score", "window", "clip"}
"""Steps behind which the scale, or what lies far outside, matters less."""


def is_bounded(spec: InputSpec) -> bool:
    """Whether it is held to a range: raw MR signals have ranges of their own."""
    return spec.acquisition is None


class ValueStatistics:
    """Gathers one input's values as samples stream by; keeps the least and the largest alone."""

    def __init__(self, spec: InputSpec) -> None:
        self._name = spec.name
        self._table = len(spec.shape) == 1 and not spec.layout
        self._low = self._high = np.zeros(0)
        self._span = math.inf

    def add(self, sample: Sample) -> None:
        array = sample.inputs[self._name].astype(np.float64)
        low, high = (array, array) if self._table else (array.min(keepdims=True), array.max(keepdims=True))
        self._low = np.minimum(self._low, low.ravel()) if self._low.size else low.ravel()
        self._high = np.maximum(self._high, high.ravel()) if self._high.size else high.ravel()
        self._span = 0.0 if self._table else min(self._span, float(np.ptp(array)))

    def range(self) -> ValueRange:
        """Of at least one sample."""
        return ValueRange(_plain(self._low), _plain(self._high), self._span)


def allowed(
    found: Iterable[Mapping[str, ValueRange]], steps: Mapping[str, Collection[str]]
) -> dict[str, ValueRange]:
    """What an artefact takes, by input: `found` lies in the sets, `steps` are the names of its steps."""
    sets = tuple(found)
    names = dict.fromkeys(name for each in sets for name in each)
    return {
        name: ValueRange.around(
            (each[name] for each in sets if name in each),
            ANY_GAIN if _ANY_SCALE & set(steps.get(name, ())) else _ONE_SPAN,
        )
        for name in names
    }


def _plain(bounds: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(bounds.tolist())
