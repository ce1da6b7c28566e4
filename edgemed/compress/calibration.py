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
    """Iterates over at most `count` samples of `samples` as batches of one: {input: (1, *shape)}."""

    def __init__(self, samples: SampleSet, count: int, seed: int) -> None:
        self._samples = samples
        total = len(samples)
        chosen = np.random.default_rng(seed).permutation(total)[:count]
        self._chosen = frozenset(int(index) for index in chosen)

    def __len__(self) -> int:
        return len(self._chosen)

    def __iter__(self) -> Iterator[Batch]:
        done = 0
        for index, sample in enumerate(self._samples):
            if index in self._chosen:
                done += 1
                report_progress(done, len(self._chosen))
                yield {name: array[None] for name, array in sample.inputs.items()}
