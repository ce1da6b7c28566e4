"""Latency samples turned into percentiles and speed ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.level import LEVEL, RESAMPLES
from edgemed.types.figures import Latency, SpeedRatio

CASES_FOR_PERCENTILE = {90: 64, 95: 130, 99: 662}
"""Samples below which a percentile is not claimed: MLPerf LoadGen's early stopping at confidence .99."""


def percentiles(latencies_s: NDArray[Any]) -> Latency:
    """Latencies in seconds, (rounds,) or (launches, rounds) pooled, to percentiles in ms.

    Raises `BadInput` where they are empty or not finite.
    """
    values = _checked(latencies_s).ravel() * 1e3

    def claim(percent: int) -> float | None:
        return float(np.percentile(values, percent)) if values.size >= CASES_FOR_PERCENTILE[percent] else None

    return Latency(
        n=int(values.size),
        mean_ms=float(values.mean()),
        p50_ms=float(np.median(values)),
        p90_ms=claim(90),
        p95_ms=claim(95),
        p99_ms=claim(99),
    )


def faster(baseline_s: NDArray[Any], candidate_s: NDArray[Any], seed: int = 0) -> SpeedRatio:
    """Latency of the candidate over that of the baseline: per launch the ratio of medians, then their median.

    Seconds, shape (rounds,), or (launches, rounds) from several processes; round i of a launch of both ran
    next to each other. The percentile bootstrap draws launches first, then whole rounds inside them: slow
    drift of the clock or a busy neighbour hits both, and the interval covers how launches differ. Where
    they differ by more than the rounds inside, it spans all of up to five launches, and so covers the median
    of further ones with 1 - 2 ** (1 - launches): 75 % for three, 94 % for five. Of more launches it leaves
    out the outermost, and covers 88 % for seven. One launch tells of itself alone. The medians in ms are
    over all rounds. Raises `BadInput` where the rounds do not pair up.
    """
    baseline, candidate = np.atleast_2d(_checked(baseline_s)), np.atleast_2d(_checked(candidate_s))
    if baseline.shape != candidate.shape:
        raise BadInput(
            f"(launches, rounds) are {baseline.shape} of the baseline, {candidate.shape} of the candidate: "
            "not interleaved"
        )
    random = np.random.default_rng(seed)
    launches = len(baseline)
    ratio = float(np.median(np.median(candidate, axis=1) / np.median(baseline, axis=1)))
    low = high = None
    if baseline.size > 1:
        size = -(-RESAMPLES // launches)
        inside = np.stack(
            [_drawn(base, own, size, random) for base, own in zip(baseline, candidate, strict=True)]
        )
        draws = inside[0]
        if launches > 1:
            shape = (RESAMPLES, launches)
            picked = inside[random.integers(launches, size=shape), random.integers(size, size=shape)]
            draws = np.median(picked, axis=1)
        bounds = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = float(bounds[0]), float(bounds[1])
    base_ms, candidate_ms = float(np.median(baseline)) * 1e3, float(np.median(candidate)) * 1e3
    return SpeedRatio(ratio, low, high, baseline.size, base_ms, candidate_ms)


def _drawn(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], size: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """(size,) ratios of medians over (rounds,) drawn again."""
    rounds = len(baseline)
    batch = max(1, 500_000 // rounds)
    draws = []
    for start in range(0, size, batch):
        picked = random.integers(rounds, size=(min(batch, size - start), rounds))
        draws.append(np.median(candidate[picked], axis=1) / np.median(baseline[picked], axis=1))
    return np.concatenate(draws)


def _checked(latencies_s: NDArray[Any]) -> NDArray[np.float64]:
    values = np.asarray(latencies_s, dtype=np.float64)
    if values.ndim not in (1, 2) or not values.size:
        raise BadInput(f"latencies have shape {list(values.shape)}, expected (rounds,) or (launches, rounds)")
    if not np.isfinite(values).all() or values.min() <= 0:
        raise BadInput("a latency is not a positive number of seconds")
    return values
