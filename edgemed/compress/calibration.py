"""The calibration stream: a seeded choice of samples, read one at a time, as often as asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.child import report_progress
from edgemed.types import SampleSet

Batch = dict[str, NDArray[Any]]


class CalibrationStream:
    """Iterates over at most `count` samples of `samples` as batches of one: {input: (1, *shape)}.

    Only these are decoded. Others take the place of those that `samples` skips as unreadable.
    """

    def __init__(self, samples: SampleSet, count: int, seed: int) -> None:
        self._samples = samples
        self._order = np.random.default_rng(seed).permutation(len(samples))
        self._count = min(count, len(samples))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        done, first = 0, 0
        while done < self._count and first < len(self._order):
            chosen = self._order[first : first + self._count - done]
            first += len(chosen)
            for sample in self._samples.select(frozenset(chosen.tolist())):
                done += 1
                report_progress(done, self._count)
                yield {name: array[None] for name, array in sample.inputs.items()}
