"""Samples whose inputs are divided by a factor, as by a forgotten or doubled preprocessing. A control for the
judge."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from edgemed.types import Resized, Sample, SampleSet


class ScaledSamples:
    """`samples` with each input divided by `divisor` in its own dtype: whole numbers are cut off."""

    def __init__(self, samples: SampleSet, divisor: float) -> None:
        self._samples = samples
        self._divisor = divisor

    @property
    def labelled(self) -> bool:
        return self._samples.labelled

    @property
    def skipped(self) -> tuple[str, ...]:
        return self._samples.skipped

    @property
    def notes(self) -> tuple[str, ...]:
        return self._samples.notes

    @property
    def doubts(self) -> tuple[str, ...]:
        return self._samples.doubts

    @property
    def resized(self) -> tuple[Resized, ...]:
        return self._samples.resized

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        return self._samples.classes

    def targets(self) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        return self._samples.targets()

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return map(self._scaled, self._samples)

    def select(self, indices: Collection[int]) -> Iterator[Sample]:
        return map(self._scaled, self._samples.select(indices))

    def _scaled(self, sample: Sample) -> Sample:
        inputs = {name: (array / self._divisor).astype(array.dtype) for name, array in sample.inputs.items()}
        return replace(sample, inputs=inputs)
