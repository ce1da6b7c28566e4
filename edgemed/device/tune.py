"""Measures artefacts on the device at hand and finds the fastest, by the statistics of a compile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed import __version__
from edgemed.backends import get_backend
from edgemed.child import run_in_child
from edgemed.errors import EdgemedError, ToolFailure, Untrusted
from edgemed.judge.latency import faster, percentiles
from edgemed.judge.limits import missed_limits
from edgemed.measure import LOAD_TIMEOUT_S, LoadCost, contest, load_cost
from edgemed.runtime import MANIFEST_FILE, host_facts, read_manifest
from edgemed.types import Manifest, digest_of_file
from edgemed.types.limits import Limits
from edgemed.types.tuned import Tuned, TunedArtefact

Latencies = Mapping[str, NDArray[np.float64]]


def tune(
    folders: Mapping[str, Path],
    *,
    launches: int,
    seconds: float,
    limits: Limits,
    tell: Callable[[str], None],
) -> Tuned:
    """Load each artefact, time all that work in turns, choose the fastest that keeps to the limits.

    Each is loaded in a process of its own: its files are compared with the manifest, its golden cases are
    replayed. Of the `limits`, one that is None is the target's, which the artefacts carry. `seconds` is per
    artefact and launch. `tell` is given a line for each step. Raises `Untrusted`
    where no artefact is what its manifest says, `ToolFailure` where none can be run for this or that reason.
    """
    manifests: dict[str, Manifest] = {}
    costs: dict[str, LoadCost] = {}
    refused: dict[str, EdgemedError] = {}
    for number, (name, folder) in enumerate(folders.items(), 1):
        tell(f"loading {name} ({number} of {len(folders)})")
        try:
            manifests[name] = read_manifest(folder)
            costs[name] = run_in_child(
                load_cost, folder, what=f"loading {name}", timeout_s=LOAD_TIMEOUT_S
            ).value
        except EdgemedError as error:
            refused[name] = error
            tell(f"{name} is left out: {_in_words(error)}")
    _tell_targets([manifests[name] for name in costs], limits, tell)
    latencies = _latencies(
        {name: folders[name] for name in costs}, refused, launches=launches, seconds=seconds, tell=tell
    )
    if not latencies:
        raise _nothing_runs(refused)
    baseline = next((name for name in latencies if manifests[name].precision == "fp32"), None)
    baseline = baseline or max(latencies, key=lambda name: float(np.median(latencies[name])))
    within = _limits(limits, [manifests[name].limits for name in latencies])
    artefacts = {}
    for name, rounds in latencies.items():
        shown = percentiles(rounds)
        artefacts[name] = TunedArtefact(
            manifest=digest_of_file(folders[name] / MANIFEST_FILE),
            backend=manifests[name].backend,
            precision=manifests[name].precision,
            stamps=manifests[name].stamps,
            latency=shown,
            ratio=faster(latencies[baseline], rounds),
            load_ms=costs[name].load_ms,
            memory_mib=costs[name].memory_mib,
            missed=missed_limits(within, shown, costs[name].memory_mib),
            target=manifests[name].target,
        )
    return Tuned(
        best=fastest(artefacts, baseline),
        baseline=baseline,
        artefacts=artefacts,
        refused={name: _in_words(error) for name, error in refused.items()},
        limits=within,
        launches=launches,
        seconds=seconds,
        host=host_facts(),
        tools=_tools({each.backend for each in artefacts.values()}),
    )


def fastest(artefacts: Mapping[str, TunedArtefact], baseline: str) -> str | None:
    """The fastest within the limits; the baseline, where it is, unless another is faster beyond noise."""
    able = [name for name, each in artefacts.items() if not each.missed]
    if baseline in able:
        able = [name for name in able if name == baseline or artefacts[name].ratio.faster]
    return min(able, key=lambda name: artefacts[name].ratio.ratio, default=None)


def _tell_targets(manifests: Sequence[Manifest], given: Limits, tell: Callable[[str], None]) -> None:
    """This machine may be another."""
    names = sorted({each.target for each in manifests if each.target})
    if names:
        limited = _limits(given, [each.limits for each in manifests]) != given
        tell(f"the artefacts are for {', '.join(names)}{', and so are the limits' if limited else ''}")


def _limits(given: Limits, own: Sequence[Limits]) -> Limits:
    """Those given, else the narrowest of the artefacts' own."""

    def narrowest(name: str) -> float | None:
        if getattr(given, name) is not None:
            return float(getattr(given, name))
        return min((value for each in own if (value := getattr(each, name)) is not None), default=None)

    return Limits(narrowest("latency_ms"), narrowest("memory_mib"))


def _latencies(
    folders: Mapping[str, Path],
    refused: dict[str, EdgemedError],
    *,
    launches: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Latencies:
    """(launches, rounds) seconds for one sample by name.

    Where a launch fails, each artefact is timed alone to find out whose fault it is; it joins those `refused`
    and the others are launched again. That failing too is nobody's fault, and raised.
    """

    def in_turns(of: Mapping[str, Path]) -> Latencies:
        if not of:
            return {}
        tell(f"timing {len(of)} in turns, launches: {launches}")
        return contest(
            of, launches=launches, seconds=seconds,
            on_launch=lambda done: tell(f"launch {done} of {launches} is done"),
        )  # fmt: skip

    try:
        return in_turns(folders)
    except (ToolFailure, Untrusted) as error:
        tell(f"a launch failed: {error.problem}")
    working = dict(folders)
    for name, folder in folders.items():
        tell(f"timing {name} alone")
        try:
            contest({name: folder}, launches=1, seconds=seconds)
        except (ToolFailure, Untrusted) as error:
            refused[name] = error
            del working[name]
            tell(f"{name} is left out: {_in_words(error)}")
    return in_turns(working)


def _in_words(error: EdgemedError) -> str:
    """What is wrong, and what to do about it."""
    return f"{error.problem}; next: {error.remedy}" if error.remedy else error.problem


def _nothing_runs(refused: Mapping[str, EdgemedError]) -> EdgemedError:
    reasons = "; ".join(f"{name}: {error.problem}" for name, error in refused.items())
    remedies = dict.fromkeys(error.remedy for error in refused.values() if error.remedy)
    kind = Untrusted if all(isinstance(error, Untrusted) for error in refused.values()) else ToolFailure
    return kind(f"no artefact runs here: {reasons}", remedy=" | ".join(remedies))


def _tools(backends: set[str]) -> dict[str, str]:
    versions = {name: get_backend(name).availability().version for name in sorted(backends)}
    return {"edgemed": __version__, "numpy": metadata.version("numpy"), **versions}
