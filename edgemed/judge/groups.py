"""Which cases belong together: patients, and pictures that are there more than once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def group_numbers(names: Sequence[str]) -> NDArray[np.int64] | None:
    """(n,) the number of each case's group, in order of first appearance.

    `names` holds each case's group, "" where it has none and stands for itself. None where every case
    stands for itself, be it without a group or as the only one of it.
    """
    numbers: dict[str | int, int] = {}
    found = np.array([numbers.setdefault(name or index, len(numbers)) for index, name in enumerate(names)])
    return found.astype(np.int64) if len(numbers) < len(names) else None
