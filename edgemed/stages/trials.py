"""Stages `predict`, `load` and `latency`: raw samples of built artefacts, each taken in a child process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgemed.child import report_progress
from edgemed.errors import DiskFull, ToolFailure, Untrusted
from edgemed.measure import (
    LOAD_TIMEOUT_S,
    Predictions,
    launch_timeout_s,
    load_cost,
    predict,
    stacked,
    time_in_turns,
)
from edgemed.runtime import GOLDEN_FILE, Session, read_manifest
from edgemed.stages.artefacts import ORIGINAL, Built
from edgemed.stages.job import Job, SetSource

T = TypeVar("T")

_PREDICTIONS = "predictions.npz"
_LATENCIES = "latencies.npz"


def predictions(job: Job, built: Built, role: str, source: SetSource) -> Predictions:
    """What an artefact answers on a set.

    Raises `ToolFailure` when it fails there, `Untrusted` when it answers its golden cases differently.
    """
    depends_on = {
        "artefact": built.digest,
        "set": source.sha256,
        "versions": job.versions(built.candidate.backend, ORIGINAL.backend),
    }
    stage = job.run(
        f"{role}-{built.candidate.id}", f"{built.candidate.id} on the {role} set", depends_on,
        _predict, str(built.folder), source,
    )  # fmt: skip
    return Predictions.load(stage.folder / _PREDICTIONS)


def of_each(
    job: Job, built: Iterable[Built], failed: str, measure: Callable[[Built], T]
) -> tuple[dict[str, T], dict[str, str]]:
    """`measure` of each that it works for, and why others have none, by candidate id.

    A runtime that crashes, hangs or refuses costs its candidate; `failed` tells where it did. Raises
    `ToolFailure` or `Untrusted` when the original fails.
    """
    found: dict[str, T] = {}
    failures: dict[str, str] = {}
    for each in built:
        name = each.candidate.id
        try:
            found[name] = measure(each)
        except DiskFull:
            raise
        except (ToolFailure, Untrusted) as error:
            if name == ORIGINAL.id:
                raise
            failures[name] = f"{failed}: {error.problem}"
            job.reporter.warn(f"{name} is dropped: {failures[name]}")
    return found, failures


def load_costs(job: Job, built: Iterable[Built]) -> tuple[dict[str, tuple[float, float]], dict[str, str]]:
    """(load time in ms, memory in MiB) by candidate id, see `LoadCost`; each is loaded in a fresh process.

    See `of_each` for what fails.
    """
    return of_each(job, built, "failed when it was loaded afresh", lambda each: _load_cost(job, each))


def latencies_s(job: Job, built: Sequence[Built]) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """(launches, rounds) seconds for one sample by candidate id; see `of_each` for what fails.

    Each launch is a fresh process in which all take turns. Its place in memory and the clock differ from
    launch to launch, and so do latencies. All launches are cut to the rounds of the shortest. One artefact
    alone is launched once: there is nothing to compare it with.

    Where a launch fails, each is timed alone to find out whose fault it is, and those that work are launched
    again. That failing too is nobody's fault and ends the compile.
    """
    if not built:
        return {}, {}
    try:
        return _in_turns(job, built), {}
    except DiskFull:
        raise
    except (ToolFailure, Untrusted):
        alone, failures = of_each(
            job, built, "failed when it was timed",
            lambda each: _launch(job, f"latency-{each.candidate.id}", f"timing {each.candidate.id}", [each]),
        )  # fmt: skip
    return _in_turns(job, [each for each in built if each.candidate.id in alone]), failures


def _in_turns(job: Job, built: Sequence[Built]) -> dict[str, NDArray[np.float64]]:
    launches = [
        _launch(
            job, f"latency-{number + 1}",
            f"timing {len(built)} candidates in turns, launch {number + 1}", built, number,
        )
        for number in range(job.recipe.trials.launches if len(built) > 1 else 1)
    ]  # fmt: skip
    return stacked(launches)


def _launch(
    job: Job, name: str, what: str, built: Sequence[Built], seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """(rounds,) seconds by candidate id."""
    seconds = job.recipe.trials.seconds
    depends_on = {
        "seconds": seconds,
        "artefacts": {each.candidate.id: each.digest for each in built},
        "versions": job.versions(*{each.candidate.backend for each in built}),
        "host": read_manifest(built[0].folder).host,
    }
    folders = {each.candidate.id: each.folder for each in built}
    stage = job.run(
        name, what, depends_on, _time, folders, seconds, seed,
        timeout_s=launch_timeout_s(len(built), seconds),
    )  # fmt: skip
    with np.load(stage.folder / _LATENCIES, allow_pickle=False) as data:
        return {name: data[name] for name in folders}


def _load_cost(job: Job, built: Built) -> tuple[float, float]:
    depends_on = {
        "artefact": built.digest,
        "golden": built.manifest.files[GOLDEN_FILE],
        "versions": job.versions(built.candidate.backend),
    }
    stage = job.run(
        f"load-{built.candidate.id}", f"loading {built.candidate.id} afresh", depends_on,
        _load, str(built.folder),
        timeout_s=LOAD_TIMEOUT_S,
    )  # fmt: skip
    return stage.facts["load_ms"], stage.facts["memory_mib"]


def _predict(artefact: str, source: SetSource, folder: Path) -> dict[str, Any]:
    samples = source.open()
    total = len(samples)
    found = predict(Session.load_to_judge(Path(artefact)), samples, lambda done: report_progress(done, total))
    found.save(folder / _PREDICTIONS)
    return {"cases": len(found.names)}


def _time(folders: Mapping[str, Path], seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    latencies: dict[str, Any] = dict(time_in_turns(folders, seconds, seed))
    np.savez(folder / _LATENCIES, **latencies)
    return {}


def _load(artefact: str, folder: Path) -> dict[str, Any]:
    cost = load_cost(Path(artefact))
    return {"load_ms": cost.load_ms, "memory_mib": cost.memory_mib}
