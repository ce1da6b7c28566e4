"""Estimate: a paired difference with its interval, and what tells how many cases would narrow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Groups = NDArray[np.int64] | None
"""(n,) the number of each case's group; None where every case stands for itself."""


@dataclass(frozen=True)
class Estimate:
    """A difference in favour of the artefact, found from `n` cases, with its bounds.

    `units` holds what each case, or each group of cases, adds to it: (units,) values whose mean is the
    difference and whose spread divided by the root of their number is its standard error. `weight` and
    `largest` are those of `edgemed.judge.unseen`. `two_sided`: a shift either way is a loss, so the
    difference is minus its size, while `units` have its sign. `better` and `worse` count the cases that only
    the artefact or only the original has right, None where no decisions are counted.
    """

    original: float
    artefact: float
    difference: float
    low: float
    high: float
    n: int
    method: str
    units: NDArray[np.float64]
    weight: float
    largest: float = 1.0
    two_sided: bool = False
    better: int | None = None
    worse: int | None = None

    @property
    def of_groups(self) -> bool:
        """Whether it was found from groups of cases, which are not independent."""
        return len(self.units) < self.n


def clustered(groups: Groups) -> bool:
    """Whether any two of the cases are of one group."""
    return groups is not None and len(np.unique(groups)) < len(groups)


def sums_of_groups(shares: NDArray[np.float64], groups: Groups) -> NDArray[np.float64]:
    """(groups,) the sum over each group that there is; (n,) `shares` without groups."""
    if groups is None:
        return shares
    numbers = np.unique(groups, return_inverse=True)[1]
    return np.asarray(np.bincount(numbers, shares), np.float64)
