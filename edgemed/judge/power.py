"""How likely a proof is: the exact power of Tango's interval, and the cases that a wanted power takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.tango import fewest_cases, proves


@dataclass(frozen=True)
class Rule:
    """How the gate judges one kind of figure.

    `proves(better, worse, n, margin, alpha)`: whether such a table, or array of tables, is proven. It may
    only change from yes to no with a further lost case, and from no to yes with a further unchanged one.
    `fewest(margin, alpha)`: with fewer cases the gate does not begin.
    """

    proves: Callable[..., NDArray[np.bool_]]
    fewest: Callable[[float, float], int]


SHARE = Rule(proves, fewest_cases)
"""Shares of right decisions: Tango's interval."""
MOST_CASES = 100_000
"""Where `cases_for_share` ends its search."""
_CUT = 1e-12
"""Probability of the numbers of won cases that are left out."""
_AT_ONCE = 200_000
"""Tables that are looked at in one go, for the sake of memory."""


def power_of(n: int, loss: float, gain: float, margin: float, alpha: float, rule: Rule = SHARE) -> float:
    """The probability that `n` cases prove a loss below `margin`: Tango's lower bound lies above -margin,
    or what another `rule` asks.

    Each case is, independently of the others, lost (only the original has it right) with probability `loss`
    and won (only the artefact has) with `gain`; a model whose decisions change in a share d of the cases
    and that is no worse has loss = gain = d / 2. Found by adding up the probabilities of the tables, without
    an approximation: for each number of won cases the test passes up to some number of lost ones. Numbers of
    won cases with a total probability below 1e-12 are left out (Bernstein's inequality says where). With a
    handful of changes the usual formula from a normal distribution is off by several times.

    Cases of one patient are not independent: count patients then. Raises `BadInput` for shares, margins and
    alphas that are none.
    """
    _check(loss, gain, margin, alpha)
    if n < 1:
        raise BadInput(f"{n} cases; at least 1 is needed", where="n")
    return float(_powers(n, 1, loss, gain, margin, alpha, rule)[0])


def cases_for_share(
    loss: float, gain: float, margin: float, alpha: float, power: float, rule: Rule = SHARE
) -> int | None:
    """The smallest number of cases from which on `power_of` is at least `power`, or None.

    Power is a saw-tooth in the number of cases: it falls slowly while the same number of lost cases is
    allowed, and leaps where one more is. So a number that suffices may have larger ones behind it that do
    not; the number given has none: of a whole tooth behind it each one is tried, and further out the lowest
    points rise. It is never below `rule.fewest`, with less than which the gate opens no set. None: no number
    proves it (loss - gain >= margin), or more than 100,000 are needed. Raises `BadInput` as `power_of` does,
    and for a power that is not from .5 to below 1.
    """
    _check(loss, gain, margin, alpha)
    if not 0.5 <= power < 1:
        raise BadInput(
            f"a power of {power:g} is not from .5 to below 1",
            where="power",
            remedy="write .8 to prove four of five artefacts that are as good as the original",
        )
    if loss - gain >= margin:
        return None
    enough = rule.fewest(margin, alpha)
    if enough > MOST_CASES:
        return None
    short = enough - 1
    while _powers(enough, 1, loss, gain, margin, alpha, rule)[0] < power:
        if enough >= MOST_CASES:
            return None
        short, enough = enough, min(2 * enough, MOST_CASES)
    while enough - short > 1:
        middle = (short + enough) // 2
        if _powers(middle, 1, loss, gain, margin, alpha, rule)[0] < power:
            short = middle
        else:
            enough = middle
    tooth = math.ceil(2 / margin)
    tried = short
    while tried < short + tooth:
        count = min(tooth, max(1, _AT_ONCE // len(_bulk(tried, tried + tooth, gain))))
        low = np.flatnonzero(_powers(tried + 1, count, loss, gain, margin, alpha, rule) < power)
        short = tried + 1 + int(low[-1]) if low.size else short
        tried += count
    return short + 1 if short < MOST_CASES else None


def _powers(
    first: int, count: int, loss: float, gain: float, margin: float, alpha: float, rule: Rule
) -> NDArray[np.float64]:
    """`power_of` each of `count` numbers of cases from `first` on."""
    from scipy.special import bdtr, gammaln, xlog1py, xlogy

    n = np.arange(first, first + count)[:, None]
    counts = _bulk(first, first + count - 1, gain)
    won = np.minimum(counts, n)
    ways = gammaln(n + 1) - gammaln(won + 1) - gammaln(n - won + 1)
    chance = np.where(counts <= n, np.exp(ways + xlogy(won, gain) + xlog1py(n - won, -gain)), 0.0)
    allowed = _most_lost(won, n, margin, alpha, rule)
    lost_of_rest = min(loss / (1 - gain), 1.0) if gain < 1 else 0.0
    proven = np.where(allowed >= 0, bdtr(np.maximum(allowed, 0), n - won, lost_of_rest), 0.0)
    return np.asarray(np.minimum((chance * proven).sum(axis=1), 1.0))


def _bulk(fewest: int, most: int, gain: float) -> NDArray[np.int64]:
    """The numbers of won cases that hold all but `_CUT` of the probability, of `fewest` to `most` cases."""
    far = math.log(2 / _CUT)
    reach = far / 3 + math.sqrt(far**2 / 9 + 2 * far * most * gain * (1 - gain))
    first = max(0, math.floor(fewest * gain - reach))
    last = min(most, math.ceil(most * gain + reach)) if gain else 0
    return np.arange(first, last + 1)


def _most_lost(
    won: NDArray[np.int64], n: NDArray[np.int64], margin: float, alpha: float, rule: Rule
) -> NDArray[np.int64]:
    """The most lost cases with which each of `won` of `n` cases (rising by rows) is proven, -1 for none.

    No bound lies above the observed difference, and what the first and the last row allow brackets the rows
    between, see `Rule`.
    """

    def search(rows: Any, passes: NDArray[np.int64], fails: NDArray[np.int64]) -> NDArray[np.int64]:
        while (fails - passes > 1).any():
            middle = (passes + fails) // 2
            good = rule.proves(won[rows], np.maximum(middle, 0), n[rows], margin, alpha)
            passes, fails = (
                np.where(good, np.maximum(middle, passes), passes),
                np.where(good, fails, np.maximum(middle, passes + 1)),
            )
        return passes

    too_many = np.minimum(n - won, np.floor(won + n * margin).astype(np.int64)) + 1
    ends = [0, -1]
    least, most = search(ends, np.full((2, won.shape[1]), -1), too_many[ends])
    return search(..., np.broadcast_to(least, won.shape), np.minimum(most + 1, too_many))


def _check(loss: float, gain: float, margin: float, alpha: float) -> None:
    if not (loss >= 0 and gain >= 0 and loss + gain <= 1):
        raise BadInput(f"{loss:g} lost and {gain:g} won are no shares of the cases", where="loss and gain")
    if not 0 < margin < 1:
        raise BadInput(f"a margin of {margin:g} is not between 0 and 1", where="margin")
    if not 0 < alpha < 0.5:
        raise BadInput(f"alpha {alpha:g} is not between 0 and .5", where="alpha")
