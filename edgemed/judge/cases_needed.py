"""How many cases would prove what these could not, if the next ones are like them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.estimate import Estimate
from edgemed.judge.power import MOST_CASES, cases_for_share
from edgemed.judge.unseen import half_width

POWER = 0.8
_TRIALS = 400
_STEPS = 64
_BLOCKS = 1000
_AT_ONCE = 1_000_000
"""Draws that are held in memory at a time."""


def cases_needed(estimate: Estimate, margin: float, alpha: float, seed: int) -> int | None:
    """The number of cases like `estimate.n` that prove a loss below `margin` with a power of .8.

    Shares of decisions (Tango): exact power at the shares of changed cases that were seen, with half a case
    added to each. All others: simulated from what each case or group added to the difference. None where it
    is `never_proven`, and beyond `MOST_CASES`.
    """
    if never_proven(estimate, margin):
        return None
    if estimate.better is not None and estimate.worse is not None and not estimate.of_groups:
        loss, gain = ((count + 0.5) / (estimate.n + 1) for count in (estimate.worse, estimate.better))
        return cases_for_share(loss, gain, margin, alpha, POWER)
    units = _units_needed(estimate, margin, alpha, np.random.default_rng(seed))
    cases = None if units is None else math.ceil(units * estimate.n / len(estimate.units))
    return None if cases is None or cases > MOST_CASES else cases


def never_proven(estimate: Estimate, margin: float) -> bool:
    """Whether more cases like these prove nothing: the difference that was seen is no smaller than the
    margin."""
    return estimate.difference <= -margin


def _units_needed(estimate: Estimate, margin: float, alpha: float, random: np.random.Generator) -> int | None:
    """Trials grow block by block; a block is a sum over units drawn with replacement."""
    units = estimate.units
    size = max(1, len(units) // 8)
    step = max(1, _AT_ONCE // size)
    slices = [min(step, _BLOCKS - start) for start in range(0, _BLOCKS, step)]
    blocks = np.concatenate([_drawn(units, rows, size, random) for rows in slices])
    while size * estimate.n <= MOST_CASES * len(units):
        counts = np.arange(1, _STEPS + 1) * size
        sums = blocks[random.integers(len(blocks), size=(_TRIALS, _STEPS))].cumsum(axis=1)
        powers = _proven(estimate, sums, counts, margin, alpha).mean(axis=0)
        if powers[-1] >= POWER:
            short = np.flatnonzero(powers < POWER)
            return int(counts[short[-1] + 1 if short.size else 0])
        blocks = blocks[random.integers(len(blocks), size=(_BLOCKS, _STEPS // 8))].sum(axis=1)
        size *= _STEPS // 8
    return None


def _drawn(
    units: NDArray[np.float64], rows: int, size: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """(rows, 2) sums, and sums of squares, of `size` units drawn with replacement."""
    picked = units[random.integers(len(units), size=(rows, size))]
    return np.stack([picked.sum(axis=1), (picked**2).sum(axis=1)], axis=-1)


def _proven(
    estimate: Estimate, sums: NDArray[np.float64], counts: NDArray[np.int64], margin: float, alpha: float
) -> NDArray[np.bool_]:
    """(trials, counts); `sums` (trials, counts, 2) are those of the units and of their squares."""
    means = sums[..., 0] / counts
    spread = np.maximum(sums[..., 1] / counts - means**2, 0.0)
    below = np.maximum(counts - 1, 1)
    weight = estimate.weight * len(estimate.units) / counts
    half = half_width(np.sqrt(spread / below), below + 1, weight, alpha, estimate.largest)
    worst = -np.abs(means) if estimate.two_sided else means
    return np.asarray((worst - half > -margin) & (counts > 1))
