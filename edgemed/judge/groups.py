"""Which cases belong together: patients, and pictures that are there more than once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput


def group_numbers(names: Sequence[str]) -> NDArray[np.int64] | None:
    """(n,) the number of each case's group, in order of first appearance.

    `names` holds each case's group, "" where it has none and stands for itself. None where every case
    stands for itself, be it without a group or as the only one of it.
    """
    numbers: dict[str | int, int] = {}
    found = np.array([numbers.setdefault(name or index, len(numbers)) for index, name in enumerate(names)])
    return found.astype(np.int64) if len(numbers) < len(names) else None


def check_groups(groups: NDArray[np.int64] | None, where: str) -> None:
    """Raises `BadInput` where all cases, of which there are some, are of one group."""
    if groups is not None and len(np.unique(groups)) < 2:
        raise BadInput(
            f"all {len(groups)} cases are of one patient or group: nothing can be said of others",
            where=where,
            remedy="give cases of many patients, or no groups where these are none",
        )
