"""Several artefacts timed against each other, over several launches of fresh processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.child import run_in_child
from edgemed.measure.latency import interleaved_latencies_s, session_call
from edgemed.measure.load import LOAD_TIMEOUT_S
from edgemed.runtime import Session, golden_inputs


def contest(
    folders: Mapping[str, Path],
    *,
    launches: int,
    seconds: float,
    threads: int | None = None,
    on_launch: Callable[[int], None] = lambda done: None,
) -> dict[str, NDArray[np.float64]]:
    """(launches, rounds) latencies in s by name; in each launch all take turns in one process.

    `seconds` is per artefact and launch. Raises `ToolFailure` where an artefact cannot be loaded.
    """
    found = []
    for launch in range(launches):
        latencies = run_in_child(
            time_in_turns, dict(folders), seconds, launch, threads,
            what="timing", timeout_s=launch_timeout_s(len(folders), seconds),
        ).value  # fmt: skip
        found.append(latencies)
        on_launch(launch + 1)
    return stacked(found)


def launch_timeout_s(artefacts: int, seconds: float) -> float:
    """A launch of so many, each timed for `seconds`, that takes longer hangs."""
    return artefacts * (LOAD_TIMEOUT_S + seconds)


def stacked(launches: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    """(rounds,) by name of each launch to (launches, rounds) by name, cut to the rounds of the shortest."""
    rounds = min(len(values) for launch in launches for values in launch.values())
    return {name: np.stack([launch[name][:rounds] for launch in launches]) for name in launches[0]}


def time_in_turns(
    folders: Mapping[str, Path], seconds: float, seed: int = 0, threads: int | None = None
) -> dict[str, NDArray[np.float64]]:
    """One launch: (rounds,) latencies in s by name. Run it in a fresh process. `seconds` is per artefact."""
    sessions = {name: Session.load(folder, threads=threads) for name, folder in folders.items()}
    calls = {name: session_call(each, golden_inputs(each.folder, 1)) for name, each in sessions.items()}
    return interleaved_latencies_s(calls, seconds=seconds * len(calls), seed=seed)
