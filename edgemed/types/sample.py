"""Sample and SampleSet: data in, one case at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """One case.

    `inputs` holds one raw array per model input, exactly of the `InputSpec`'s dtype and shape (no batch
    axis). `targets` holds, per output name, a class index (int64 scalar array), a 0/1 vector (multilabel) or
    values (regression); it is empty where the set has no labels. `group` is the patient or duplicate group.
    `strata` holds, per name such as `site`, `scanner`, `sex` or `age`, what the case belongs to as text, ""
    where that is not known.
    """

    name: str
    inputs: dict[str, NDArray[Any]]
    targets: dict[str, NDArray[Any]]
    group: str | None = None
    strata: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """sha256 of the input arrays: the same content in two sets is the same case."""
        import hashlib

        sha = hashlib.sha256()
        for key in sorted(self.inputs):
            array = np.ascontiguousarray(self.inputs[key])
            sha.update(f"{key}:{array.dtype}:{array.shape};".encode())
            sha.update(array.tobytes())
        return sha.digest()


@dataclass(frozen=True)
class Resized:
    """`count` cases of the input `name` were brought to `size` (as in 28x28) from other sizes, such as
    `example`."""

    name: str
    count: int
    example: str
    size: str


class SampleSet(Protocol):
    """A set of samples that streams: iterating reads one sample at a time, and again from the start."""

    @property
    def labelled(self) -> bool: ...

    @property
    def skipped(self) -> tuple[str, ...]:
        """Names of unreadable samples left out so far (`--skip-bad`)."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader did to bring samples to the input contract, for the manifest."""
        ...

    @property
    def doubts(self) -> tuple[str, ...]:
        """Those of the notes that are worth a warning: what was done is probably not what was meant."""
        ...

    @property
    def resized(self) -> tuple[Resized, ...]:
        """The cases resized since the last iteration began."""
        ...

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """By output, the names of its classes where their order is only the set's own."""
        ...

    def targets(self) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        """Name and targets of every candidate, in order, those that cannot be read too: none is decoded."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sample]: ...

    def select(self, indices: Collection[int]) -> Iterator[Sample]:
        """The candidates of these indices (below `len`), in the set's order; no others are decoded."""
        ...
