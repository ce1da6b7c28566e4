"""Paired differences of means over cases: shares of right decisions, Brier score, log loss, errors.

Cases of one group (patient) are not independent: the error is that of sums over groups (Liang and Zeger,
Biometrika 73 (1986) 13-22).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.estimate import Estimate, Groups, clustered, sums_of_groups
from edgemed.judge.tango import tango
from edgemed.judge.unseen import WITH_ROOM, half_width, weight_of

Array = NDArray[np.float64]


def share_difference(
    before: NDArray[np.bool_], after: NDArray[np.bool_], alpha: float, groups: Groups
) -> Estimate | None:
    """Of the share of right decisions (n,): Tango's interval, in groups that of `mean_difference`."""
    better, worse, n = int((after & ~before).sum()), int((before & ~after).sum()), len(before)
    if clustered(groups):
        found = mean_difference(before.astype(float), after.astype(float), alpha, groups)
        return None if found is None else dataclasses.replace(found, better=better, worse=worse)
    low, high = tango(better, worse, n, alpha)
    return Estimate(
        float(before.mean()), float(after.mean()), (better - worse) / n, low, high, n, "Tango",
        after.astype(float) - before, 1 / n, better=better, worse=worse,
    )  # fmt: skip


def mean_difference(
    before: Array, after: Array, alpha: float, groups: Groups, *, sign: int = 1, largest: float = 1.0
) -> Estimate | None:
    """Of the means of (n,) values; with sign -1 lower values are better. None below two cases or groups.

    No case may change by more than `largest`.
    """
    counted = np.ones((len(before), 1), bool)
    return macro_difference(
        before[:, None], after[:, None], counted, counted[:, 0], alpha, groups, sign=sign, largest=largest
    )


def macro_difference(
    before: Array,
    after: Array,
    counted: NDArray[np.bool_],
    kinds: NDArray[np.generic],
    alpha: float,
    groups: Groups,
    *,
    sign: int = 1,
    largest: float = 1.0,
) -> Estimate | None:
    """Of the mean over columns of the means of the `counted` values, all (n, columns).

    Each column counts at least one case, each case in at least one column. `kinds` (n,) are the true classes:
    what was not seen may all lie in the one where a case weighs most.
    """
    numbers = counted.sum(axis=0)
    parts = counted / (numbers * counted.shape[1])
    old, new = (np.where(counted, each, 0.0).sum(axis=0) / numbers for each in (before, after))
    means = sign * (new - old)
    shares = ((sign * (after - before) - means) * parts).sum(axis=1)
    weight = heaviest(parts.sum(axis=1), [kinds == kind for kind in np.unique(kinds)], groups, alpha)
    return from_shares(
        float(old.mean()), float(new.mean()), float(means.mean()), shares, groups, weight, alpha, largest
    )


def heaviest(weights: Array, parts: list[NDArray[np.bool_]], groups: Groups, alpha: float) -> float:
    """The largest `weight_of` any of these parts of the cases."""
    return max(weight_of(weights[each], None if groups is None else groups[each], alpha) for each in parts)


def from_shares(
    original: float,
    artefact: float,
    difference: float,
    shares: Array,
    groups: Groups,
    weight: float,
    alpha: float,
    largest: float,
) -> Estimate | None:
    """Of any statistic, from each case's share (n,) in its error, whose sum is 0; see `mean_difference`."""
    grouped = clustered(groups)
    sums = sums_of_groups(shares, groups)
    count = len(sums)
    if count < 2:
        return None
    error = np.sqrt(np.sum(sums**2) * count / (count - 1))
    half = float(half_width(error, count, weight, alpha, largest))
    method = ("Student's t over groups" if grouped else "Student's t") + WITH_ROOM
    return Estimate(
        original, artefact, difference, difference - half, difference + half, len(shares), method,
        difference + count * sums, weight, largest,
    )  # fmt: skip
