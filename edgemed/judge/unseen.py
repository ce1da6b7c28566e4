"""Room for changes that were not seen: what every interval has beside the spread that was.

Where no case changes, or few do, the observed spread says next to nothing of the rare change that the next
case may bring: Student's interval, DeLong's and the bootstrap's have no width at all for equal outputs. The
score interval of a count of rare changes, each of the same size u, seen k times, is
k + z^2/2 +- sqrt(k z^2 + z^4/4) times u (Wilson, JASA 22 (1927) 209-212, in the limit of small shares), which
is the usual half width h = z sqrt(k) u and an allowance a = z^2 u put together as a/2 + sqrt(h^2 + a^2/4).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

WITH_ROOM = ", with room for changes not seen"
"""Behind the name of an interval's method."""


def allowance(weight: ArrayLike, alpha: float) -> Any:
    """What may have been lost without a sign: upper bound of a share that was 0 among 1/weight units.

    `weight` is what one unit counts for: 1/n where each case stands for itself, see `weight_of`. The bound is
    the larger of Wilson's, z^2 / (1/weight + z^2), and the exact one, 1 - alpha^weight.
    """
    from scipy.special import ndtri

    each, z2 = np.asarray(weight, float), float(ndtri(alpha)) ** 2
    return np.minimum(1.0, np.maximum(z2 * each / (1 + z2 * each), 1 - alpha**each))


def weight_of(parts: NDArray[np.float64], groups: NDArray[np.int64] | None, alpha: float) -> float:
    """What one unseen change counts for: the weight of equal units that leave as much room.

    `parts` (n,) are the weights of the cases, at least 0 and not all 0, such as 1/n each. What was not seen
    may lie in the heaviest groups: of all ways in which group i, of weight w_i, fails with probability p_i
    and none is seen to fail with probability alpha, the loss sum w_i p_i is largest where w_i (1 - p_i) is
    one number c for all groups heavier than c, and p_i = 0 for the others: the sum of w_i - c over these.
    """
    weights = parts if groups is None else np.bincount(groups, parts)
    whole = float(weights.sum())
    heaviest = np.sort(weights[weights > 0])[::-1] / whole
    counts = np.arange(1, len(heaviest) + 1)
    even = np.exp((np.cumsum(np.log(heaviest)) + math.log(alpha)) / counts)
    own = int(np.flatnonzero(even < heaviest)[-1])
    lost = float(heaviest[: own + 1].sum() - counts[own] * even[own])
    return whole * min(1.0, math.log1p(-lost) / math.log(alpha))


def count_of(cases: int, groups: NDArray[np.int64] | None, alpha: float) -> int:
    """As how many independent cases `cases` of these groups (cases,) count: patients of equal size."""
    if groups is None or len(np.unique(groups)) == cases:
        return cases
    return math.ceil(round(1 / weight_of(np.full(cases, 1 / cases), groups, alpha), 9))


def half_width(
    error: ArrayLike, units: ArrayLike, weight: ArrayLike, alpha: float, largest: float = 1.0
) -> Any:
    """Of the interval of a difference with standard error `error` from `units` cases or groups, at least 2.

    Student's t for what was seen, with room for what was not: one unseen change is at most `largest` times
    `weight`. Arrays of shapes that fit are allowed.
    """
    from scipy.special import stdtrit

    half = -stdtrit(np.asarray(units, float) - 1, alpha) * np.asarray(error, float)
    room = largest * allowance(weight, alpha)
    return room / 2 + np.hypot(half, room / 2)


def fewest_units(margin: float, alpha: float, largest: float = 1.0) -> int:
    """The least number of cases of equal weight with which a loss below `margin` can be proven."""
    from scipy.special import ndtri

    share = margin / largest
    if share >= 1:
        return 2
    score = float(ndtri(alpha)) ** 2 * (1 - share) / share
    fewest = max(2, math.floor(max(score, math.log(alpha) / math.log1p(-share))))
    while float(allowance(1 / fewest, alpha)) >= share:
        fewest += 1
    return fewest
