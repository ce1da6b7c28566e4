"""Latency samples turned into percentiles and speed ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.interval import LEVEL, RESAMPLES
from edgemed.types.verdict import Latency, SpeedRatio

CASES_FOR_PERCENTILE = {90: 64, 95: 130, 99: 662}
"""Samples below which a percentile is not claimed: MLPerf LoadGen's early stopping at confidence .99."""


def percentiles(latencies_s: NDArray[Any]) -> Latency:
    """Latencies in seconds, any shape, to percentiles in ms. Raises `BadInput` where empty or not finite."""
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
    """Median of the candidate over median of the baseline, from one run that took turns.

    Seconds, shape (rounds,) or (rounds, calls per round); round i of both ran next to each other, so whole
    rounds are drawn together in the percentile bootstrap: slow drift of the clock or a busy neighbour hits
    both. Raises `BadInput` where the rounds do not pair up.
    """
    baseline, candidate = _checked(baseline_s), _checked(candidate_s)
    rounds = len(baseline)
    if rounds != len(candidate):
        raise BadInput(f"{rounds} rounds of the baseline, {len(candidate)} of the candidate: not interleaved")
    base_ms, candidate_ms = float(np.median(baseline)) * 1e3, float(np.median(candidate)) * 1e3
    low = high = None
    if rounds > 1:
        random = np.random.default_rng(seed)
        batch = max(1, 500_000 // max(baseline.size, candidate.size))
        draws = []
        for start in range(0, RESAMPLES, batch):
            picked = random.integers(rounds, size=(min(batch, RESAMPLES - start), rounds))
            draws.append(_medians(candidate, picked) / _medians(baseline, picked))
        bounds = np.quantile(np.concatenate(draws), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = float(bounds[0]), float(bounds[1])
    return SpeedRatio(candidate_ms / base_ms, low, high, rounds, base_ms, candidate_ms)


def _medians(latencies: NDArray[np.float64], picked: NDArray[np.int64]) -> NDArray[np.float64]:
    medians: NDArray[np.float64] = np.median(latencies[picked].reshape(len(picked), -1), axis=1)
    return medians


def _checked(latencies_s: NDArray[Any]) -> NDArray[np.float64]:
    values = np.asarray(latencies_s, dtype=np.float64)
    if values.ndim not in (1, 2) or not values.size:
        raise BadInput(f"latencies have shape {list(values.shape)}, expected (rounds,) or (rounds, calls)")
    if not np.isfinite(values).all() or values.min() <= 0:
        raise BadInput("a latency is not a positive number of seconds")
    return values
