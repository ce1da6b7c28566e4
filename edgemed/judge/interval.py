"""95 % intervals of shares, means and of anything computed from sums over cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.level import LEVEL, RESAMPLES
from edgemed.types.figures import Figure


def share(
    name: str,
    hits: int,
    n: int,
    *,
    label: str = "",
    method: Literal["wilson", "exact"] = "wilson",
    reason: str = "no case",
) -> Figure:
    """hits / n with its Wilson (1927) or Clopper-Pearson (1934, "exact") interval; undefined at n = 0."""
    from scipy.stats import binomtest

    if n == 0:
        return Figure(name, None, 0, label=label, reason=reason)
    bounds = binomtest(int(hits), int(n)).proportion_ci(LEVEL, method=method)
    title = {"wilson": "Wilson", "exact": "Clopper-Pearson"}[method]
    return Figure(name, hits / n, int(n), float(bounds.low), float(bounds.high), label, method=title)


def mean(name: str, values: NDArray[np.float64], *, label: str = "", unit: str = "") -> Figure:
    """Mean of (N,) values with Student's t interval; no interval below 2 values."""
    from scipy.stats import t

    n, centre = len(values), float(values.mean())
    if n < 2:
        return Figure(name, centre, n, label=label, unit=unit)
    half = float(t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Figure(name, centre, n, centre - half, centre + half, label, unit, "Student's t")


def resampled(
    terms: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile bootstrap over cases of a statistic of means.

    `terms` (N, k) holds k terms per case; `statistic` maps their means over the cases drawn, (..., k), to
    values (...,). Draws where it is not finite are left out; None below 2 cases or where nothing is left.
    """
    n = len(terms)
    if n < 2:
        return None
    random = np.random.default_rng(seed)
    batch = max(1, min(RESAMPLES, 500_000 // n))
    draws: list[NDArray[np.float64]] = []
    for start in range(0, RESAMPLES, batch):
        size = min(batch, RESAMPLES - start)
        picked = random.integers(n, size=(size, n))
        draws.append(statistic(np.stack([column[picked].mean(axis=1) for column in terms.T], axis=-1)))
    values = np.concatenate(draws)
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
