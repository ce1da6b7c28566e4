"""Stages `predict`, `latency` and `load`: raw samples of built artefacts, each taken in a child process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.child import report_progress
from edgemed.measure import Predictions, load_cost, predict, time_in_turns
from edgemed.runtime import GOLDEN_FILE, Session, read_manifest
from edgemed.stages.artefacts import Built
from edgemed.stages.job import Job, SetSource

_PREDICTIONS = "predictions.npz"
_LATENCIES = "latencies.npz"


def predictions(job: Job, built: Built, role: str, source: SetSource) -> Predictions:
    """What an artefact answers on a set.

    Raises `ToolFailure` when it fails there, `Untrusted` when it answers its golden cases differently.
    """
    depends_on = {
        "artefact": built.digest,
        "set": source.sha256,
        "versions": job.versions(built.candidate.backend),
    }
    stage = job.run(
        f"{role}-{built.candidate.id}", f"{built.candidate.id} on the {role} set", depends_on,
        _predict, str(built.folder), source,
    )  # fmt: skip
    return Predictions.load(stage.folder / _PREDICTIONS)


def latencies_s(job: Job, built: Sequence[Built]) -> dict[str, NDArray[np.float64]]:
    """(launches, rounds) seconds for one sample by candidate id.

    Each launch is a fresh process in which all take turns. Its place in memory and the clock differ from
    launch to launch, and so do latencies. All launches are cut to the rounds of the shortest. One artefact
    alone is launched once: there is nothing to compare it with.
    """
    trials = job.recipe.trials
    depends_on = {
        "seconds": trials.seconds,
        "artefacts": {each.candidate.id: each.digest for each in built},
        "versions": job.versions(*{each.candidate.backend for each in built}),
        "host": read_manifest(built[0].folder).host,
    }
    folders = {each.candidate.id: each.folder for each in built}
    launches: list[dict[str, NDArray[np.float64]]] = []
    for number in range(trials.launches if len(built) > 1 else 1):
        stage = job.run(
            f"latency-{number + 1}", f"timing {len(built)} candidates in turns, launch {number + 1}",
            depends_on, _time, folders, trials.seconds, number,
        )  # fmt: skip
        with np.load(stage.folder / _LATENCIES, allow_pickle=False) as data:
            launches.append({name: data[name] for name in folders})
    rounds = min(len(values) for launch in launches for values in launch.values())
    return {name: np.stack([launch[name][:rounds] for launch in launches]) for name in folders}


def load_costs(job: Job, built: Built) -> tuple[float, float]:
    """(load time in ms, memory in MiB) of one artefact in a fresh process, see `LoadCost`."""
    depends_on = {
        "artefact": built.digest,
        "golden": built.manifest.files[GOLDEN_FILE],
        "versions": job.versions(built.candidate.backend),
    }
    stage = job.run(
        f"load-{built.candidate.id}", f"loading {built.candidate.id} afresh", depends_on,
        _load, str(built.folder),
    )  # fmt: skip
    return stage.facts["load_ms"], stage.facts["memory_mib"]


def _predict(artefact: str, source: SetSource, folder: Path) -> dict[str, Any]:
    samples = source.open()
    total = len(samples)
    found = predict(Session.load(artefact), samples, lambda done: report_progress(done, total))
    found.save(folder / _PREDICTIONS)
    return {"cases": len(found.names)}


def _time(folders: Mapping[str, Path], seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    latencies: dict[str, Any] = dict(time_in_turns(folders, seconds, seed))
    np.savez(folder / _LATENCIES, **latencies)
    return {}


def _load(artefact: str, folder: Path) -> dict[str, Any]:
    cost = load_cost(Path(artefact))
    return {"load_ms": cost.load_ms, "memory_mib": cost.memory_mib}
