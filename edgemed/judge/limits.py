"""Whether an artefact keeps to the limits of its device."""

from __future__ import annotations

from edgemed.types.figures import Latency
from edgemed.types.limits import Limits


def missed_limits(limits: Limits, latency: Latency, memory_mib: float) -> tuple[str, ...]:
    """The limits that are missed, in words.

    The latency that counts is the highest percentile that its number of rounds allows to claim: a device
    that is fast half of the time is not fast.
    """
    missed = []
    name, found_ms = _slowest_claim(latency)
    if limits.latency_ms is not None and found_ms > limits.latency_ms:
        missed.append(f"latency: {name} {found_ms:.4g} ms, at most {limits.latency_ms:g}")
    if limits.memory_mib is not None and memory_mib > limits.memory_mib:
        missed.append(f"memory: {memory_mib:.4g} MiB, at most {limits.memory_mib:g}")
    return tuple(missed)


def _slowest_claim(latency: Latency) -> tuple[str, float]:
    claims = (("p99", latency.p99_ms), ("p95", latency.p95_ms), ("p90", latency.p90_ms))
    return next(((name, ms) for name, ms in claims if ms is not None), ("median", latency.p50_ms))
