"""Latencies of several artefacts, interleaved in one process so that all see the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.runtime import Session

Call = Callable[[], object]

_WARM_UP_S = 0.2


def interleaved_latencies_s(
    calls: Mapping[str, Call],
    *,
    seconds: float,
    most_rounds: int = 2000,
    fewest_rounds: int = 15,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Time each call once per round, in a new random order each round.

    Runs for about `seconds` after a warm-up; gives per name (rounds,) seconds. Element i of every array is
    of round i, so arrays are paired.
    """
    rng = np.random.default_rng(seed)
    names = list(calls)
    for name in names:
        end = time.perf_counter() + _WARM_UP_S
        calls[name]()
        calls[name]()
        while time.perf_counter() < end:
            calls[name]()
    rows: list[list[float]] = []
    stop = time.perf_counter() + seconds
    while len(rows) < fewest_rounds or (time.perf_counter() < stop and len(rows) < most_rounds):
        row = [0.0] * len(names)
        for index in rng.permutation(len(names)):
            call = calls[names[index]]
            start = time.perf_counter()
            call()
            row[index] = time.perf_counter() - start
        rows.append(row)
    table = np.array(rows)
    return {name: table[:, index] for index, name in enumerate(names)}


def session_call(session: Session, inputs: Mapping[str, NDArray[Any]]) -> Call:
    """One call of `session.execute` on a fixed batch."""
    return lambda: session.execute(inputs)
