"""Limits of a device: what misses them, and by which figure."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge.latency import percentiles
from edgemed.judge.limits import missed_limits
from edgemed.types.limits import Limits


def test_no_limit_is_missed_where_there_is_none() -> None:
    assert missed_limits(Limits(), percentiles(np.full(10, 100.0)), 1e6) == ()


@pytest.mark.parametrize(("rounds", "name"), [(700, "p99"), (200, "p95"), (70, "p90"), (20, "median")])
def test_the_latency_that_counts_is_the_highest_percentile_that_can_be_claimed(
    rounds: int, name: str
) -> None:
    seconds = np.full(rounds, 1e-3)
    seconds[: -(-rounds // 5)] = 5e-3
    latency = percentiles(seconds)
    missed = missed_limits(Limits(latency_ms=2.0), latency, 0.0)
    if name == "median":
        assert missed == ()
    else:
        assert missed == (f"latency: {name} 5 ms, at most 2",)
    assert missed_limits(Limits(latency_ms=5.1), latency, 0.0) == ()


def test_a_limit_is_kept_by_what_equals_it() -> None:
    latency = percentiles(np.full(20, 2e-3))
    assert missed_limits(Limits(latency.p50_ms, 64.0), latency, 64.0) == ()
    missed = missed_limits(Limits(1.0, 64.0), latency, 64.5)
    assert missed == ("latency: median 2 ms, at most 1", "memory: 64.5 MiB, at most 64")
