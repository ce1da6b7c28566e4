"""Golden cases of an artefact: inputs with the answers that were judged, read without trust."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.errors import BadInput, Untrusted
from edgemed.readers.npy_entry import NpyEntry, names_in
from edgemed.types import InputSpec, OutputSpec
from edgemed.types.manifest import MOST_GOLDEN_CASES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

GOLDEN_FILE = "golden.npz"


class GoldenCases:
    """The cases in `folder`, one in memory at a time. They are named `in.NAME` and `out.NAME` in the file.

    No data is read before the headers of all arrays agree with the specs. Making one and iterating raise
    `Untrusted`.
    """

    def __init__(self, folder: Path, inputs: Sequence[InputSpec], outputs: Sequence[OutputSpec]) -> None:
        self._folder = folder
        self._inputs = tuple(spec.name for spec in inputs)
        self._outputs = tuple(spec.name for spec in outputs)
        expected: dict[str, tuple[str, tuple[int, ...]]]
        expected = {f"in.{spec.name}": (spec.dtype, spec.shape) for spec in inputs}
        expected |= {f"out.{spec.name}": ("float32", (spec.columns,)) for spec in outputs}
        with self._trusting_nothing():
            self._entries = _entries(folder / GOLDEN_FILE, expected)

    def __len__(self) -> int:
        """Number of cases, from 1 to 4096."""
        return len(next(iter(self._entries.values())))

    def __iter__(self) -> Iterator[tuple[Arrays, Arrays]]:
        """Each case: inputs {name: (1, *shape)} and answers {name: (1, columns) float32}, all finite."""
        with self._trusting_nothing(), ExitStack() as stack:
            rows = {
                name: stack.enter_context(closing(entry.rows(range(len(entry)))))
                for name, entry in self._entries.items()
            }
            for values in zip(*rows.values(), strict=True):
                case = {name: value[None] for name, value in zip(rows, values, strict=True)}
                for name, array in case.items():
                    if array.dtype.kind == "f" and not np.isfinite(array).all():
                        raise BadInput("not finite", where=name)
                yield (
                    {name: case[f"in.{name}"] for name in self._inputs},
                    {name: case[f"out.{name}"] for name in self._outputs},
                )

    @contextmanager
    def _trusting_nothing(self) -> Iterator[None]:
        try:
            yield
        except BadInput as error:
            problem = f"golden cases are broken: {error.where}: {error.problem}"
            raise Untrusted(problem, where=str(self._folder)) from None
        except (MemoryError, OverflowError, RecursionError):
            raise Untrusted("golden cases are broken: an absurd size", where=str(self._folder)) from None


def _entries(path: Path, expected: dict[str, tuple[str, tuple[int, ...]]]) -> dict[str, NpyEntry]:
    """Headers of the arrays expected. Raises `BadInput` where one is not as expected."""
    present = names_in(path)
    for name in expected:
        if present.count(name) != 1:
            raise BadInput(f"{present.count(name)} arrays {name}, expected one", where=path.name)
    with zipfile.ZipFile(path) as archive:
        if any(
            each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for each in archive.filelist
        ):
            raise BadInput("packed in another way than stored or deflated", where=path.name)
    entries = {name: NpyEntry(path, name) for name in expected}
    first = next(iter(entries.values())).shape
    cases = first[0] if first else 0
    if not 1 <= cases <= MOST_GOLDEN_CASES:
        raise BadInput(f"{cases} cases, expected 1 to {MOST_GOLDEN_CASES}", where=path.name)
    for name, (dtype, shape) in expected.items():
        entry = entries[name]
        if entry.dtype != dtype or entry.shape != (cases, *shape):
            raise BadInput(
                f"it is {entry.dtype} {entry.shape}, expected {dtype} {(cases, *shape)}", where=entry.where
            )
    return entries
