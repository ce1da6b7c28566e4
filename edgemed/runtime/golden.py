"""Golden cases of an artefact: inputs with the answers that were judged, read without trust."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput, Untrusted
from edgemed.readers.npy_entry import NpyEntry, names_in
from edgemed.types import Manifest
from edgemed.types.recipe import MOST_GOLDEN_CASES

GOLDEN_FILE = "golden.npz"

Arrays = dict[str, NDArray[Any]]


def read_golden_cases(folder: Path, manifest: Manifest) -> tuple[Arrays, Arrays]:
    """Inputs {name: (N, *shape)} and answers {name: (N, columns) float32}, N from 1 to 4096.

    Nothing is loaded before the headers of all arrays agree with the manifest. Raises `Untrusted`.
    """
    expected: dict[str, tuple[str, tuple[int, ...]]]
    expected = {f"in.{spec.name}": (spec.dtype, spec.shape) for spec in manifest.inputs}
    expected |= {f"out.{spec.name}": ("float32", (spec.columns,)) for spec in manifest.outputs}
    try:
        entries = _entries(folder / GOLDEN_FILE, expected)
        arrays = {name: entry.whole() for name, entry in entries.items()}
    except BadInput as error:
        problem = f"golden cases are broken: {error.where}: {error.problem}"
        raise Untrusted(problem, where=str(folder)) from None
    except (MemoryError, OverflowError, RecursionError):
        raise Untrusted("golden cases are broken: an absurd size", where=str(folder)) from None
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise Untrusted(f"golden cases are broken: {name} is not finite", where=str(folder))
    return (
        {spec.name: arrays[f"in.{spec.name}"] for spec in manifest.inputs},
        {spec.name: arrays[f"out.{spec.name}"] for spec in manifest.outputs},
    )


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
