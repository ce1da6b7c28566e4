"""SampleOrder: which samples watch a recovery, and in which batches the others come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

_WATCHING = 10
"""Every so many-th sample watches."""


@dataclass(frozen=True)
class Batch:
    """`inputs` float32 (samples, ...) by the names of forward's parameters; `targets` by output name, where
    the set has labels: class numbers (samples,), 0 and 1 (samples, columns), or values (samples, columns)."""

    inputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(next(iter(self.inputs.values())))


class SampleOrder:
    """A seeded tenth of `count` samples watches, at least one; the others train, in another order each epoch.

    Batches are indices into the set. No batch has one sample alone where there are others.
    """

    def __init__(self, count: int, batch: int, seed: int) -> None:
        order = np.random.default_rng(seed).permutation(count)
        watching = max(1, count // _WATCHING)
        self._seed = seed
        self._batch = batch
        self._watching = order[:watching]
        self._training = order[watching:] if count > 1 else order

    def watching(self) -> list[list[int]]:
        return self._batches(self._watching)

    def training(self, epoch: int) -> list[list[int]]:
        shuffle = np.random.default_rng((self._seed, epoch))
        return self._batches(shuffle.permutation(self._training))

    def _batches(self, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[list[int]]:
        starts = list(range(0, len(order), self._batch))
        if len(starts) > 1 and len(order) - starts[-1] == 1:
            starts.pop()
        ends = [*starts[1:], len(order)]
        return [[int(i) for i in order[a:b]] for a, b in zip(starts, ends, strict=True)]
