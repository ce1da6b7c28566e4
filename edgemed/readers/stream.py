"""StreamedSet: what the readers share. One sample in memory, bad samples named or skipped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from typing import Any

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.notes import Notes
from edgemed.readers.resize import FILTER
from edgemed.types import Resized, Sample

Case = tuple[str, Callable[[], Sample]]
"""A candidate: its name and the call that decodes it."""


class StreamedSet(ABC):
    """A `SampleSet` whose subclass lists the candidates in `cases`; decoding happens while iterating.

    `BadInput` from decoding a case is raised with the case's name, or, with `skip_bad`, noted in `skipped`.
    Labels out of range are never skipped: the readers check them before the first sample is decoded.
    """

    def __init__(self, source: str, *, length: int, labelled: bool, skip_bad: bool) -> None:
        self._source = source
        self._length = length
        self._labelled = labelled
        self._skip_bad = skip_bad
        self._skipped: dict[str, None] = {}
        self.told = Notes()

    @property
    def labelled(self) -> bool:
        return self._labelled

    @property
    def skipped(self) -> tuple[str, ...]:
        """Names of unreadable samples left out so far."""
        return tuple(self._skipped)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done so far to bring samples to the input contract; each sentence once."""
        sizes = [
            f"input {each.name}: other sizes were brought to {each.size} ({FILTER})" for each in self.resized
        ]
        return (*self.told.sentences, *sizes)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What was done so far and probably not meant: for a warning."""
        return self.told.doubts

    @property
    def resized(self) -> tuple[Resized, ...]:
        """The cases resized since the last iteration began."""
        return self.told.resizings

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """By output, the names of its classes where their order is only the set's own."""
        return {}

    @abstractmethod
    def cases(self) -> Iterator[Case]:
        """Every case of the set, in order, undecoded."""

    @abstractmethod
    def targets(self) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        """Name and targets of every case, in order; none is decoded."""

    def __len__(self) -> int:
        """Number of candidates: with `skip_bad`, some may turn out unreadable."""
        return self._length

    def __iter__(self) -> Iterator[Sample]:
        read = 0
        for sample in self.select(range(self._length)):
            read += 1
            yield sample
        if not read:
            raise BadInput(f"none of {self._length} samples can be read", where=self._source)

    def select(self, indices: Collection[int]) -> Iterator[Sample]:
        """The cases of these indices, in the set's order; no others are decoded."""
        self.told.counts.clear()
        last = max(indices, default=-1)
        for index, (name, load) in enumerate(self.cases()):
            if index > last:
                break
            if index not in indices:
                continue
            counts = self.told.counts.copy()
            try:
                sample = load()
            except BadInput as error:
                if not self._skip_bad:
                    raise BadInput(
                        error.problem, where=f"{name} in {self._source}", remedy=error.remedy or _SKIP
                    ) from error
                self._skipped[name] = None
                self.told.counts = counts
                continue
            yield sample


_SKIP = "mend or remove it; edgemed compile --skip-bad leaves unreadable samples out"
