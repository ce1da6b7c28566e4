"""The statistics file of a `whiten` step: a mean and a standard deviation for each value of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.npy_entry import NpyEntry, names_in
from edgemed.types import digest_of_file

_ARRAYS = ("mean", "std")


def check_statistics(path: Path, sha256: str) -> None:
    """Raise `BadInput` where there is no such file, or another than of `sha256`, unless that is empty."""
    if not path.is_file():
        raise BadInput(f"there is no file {path.name}", remedy="write it relative to the recipe's folder")
    if sha256 and (found := digest_of_file(path)) != sha256:
        raise BadInput(
            f"{path.name} has the sha256 {found}; expected {sha256}",
            remedy="put the file of that digest back, or leave sha256 out of the recipe",
        )


def read_statistics(
    path: Path, sha256: str, shape: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The arrays `mean` and `std` of an `.npz`, each of `shape`, as float64.

    Raises `BadInput` as `check_statistics` does, and for a torn archive, pickled objects, arrays that are
    missing, not floats, of another shape or not finite, and a `std` that is not above 0 everywhere.
    """
    check_statistics(path, sha256)
    try:
        held = names_in(path)
        if not set(_ARRAYS) <= set(held):
            raise BadInput(
                f"the .npz holds the arrays {', '.join(held) or 'none'}; expected mean and std",
                remedy=f"write it with np.savez({path.name!r}, mean=..., std=...)",
            )
        mean, std = (_array(path, name, tuple(shape)) for name in _ARRAYS)
        if not (std > 0).all():
            raise BadInput(
                f"std is {std.min():g} at {_place(std <= 0)}; expected above 0 everywhere",
                remedy="give values that do not vary a std of 1, or crop them away before this step",
            )
    except BadInput as error:
        raise BadInput(f"{path.name}: {error.problem}", remedy=error.remedy) from None
    return mean, std


def _array(path: Path, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    entry = NpyEntry(path, name)
    if entry.dtype.kind != "f" or entry.shape != shape:
        raise BadInput(
            f"{name} is {entry.dtype} {list(entry.shape)}; expected floats {list(shape)}, "
            "the shape of one sample at this step",
            remedy="compute mean and std over the training samples as they leave the step before",
        )
    values: NDArray[Any] = entry.whole().astype(np.float64)
    if not np.isfinite(values).all():
        raise BadInput(f"{name} is not finite at {_place(~np.isfinite(values))}; expected numbers everywhere")
    return values


def _place(wrong: NDArray[np.bool_]) -> str:
    """The first place, as an index."""
    return str([int(at) for at in np.argwhere(wrong)[0]])
