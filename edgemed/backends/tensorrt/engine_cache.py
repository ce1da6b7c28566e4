"""The engines that were built on this machine: a folder for each graph, settings, TensorRT, GPU, driver."""

from __future__ import annotations

import os
from pathlib import Path

from edgemed.backends.tensorrt.engines import ENGINES_FILE, EnginePlace, Machine, read_engines
from edgemed.disk import foreign_writers
from edgemed.errors import Untrusted
from edgemed.types import EngineSpec, digest_of, digest_of_file

VARIABLE = "EDGEMED_ENGINE_CACHE"


def cache_folder() -> Path:
    """`$EDGEMED_ENGINE_CACHE`, else `~/.cache/edgemed/engines`."""
    given = os.environ.get(VARIABLE)
    return (Path(given) if given else Path.home() / ".cache" / "edgemed" / "engines").resolve()


def engine_folder(graph: str, spec: EngineSpec, machine: Machine) -> Path:
    """Where the engine of the graph with this digest, built as `spec` asks, lies once it is built."""
    return cache_folder() / digest_of([graph, spec, *_identity(machine)])[:32]


def timing_cache(machine: Machine) -> Path:
    """Tactics timed for any graph: TensorRT takes them on the same GPU and in the same version only."""
    return cache_folder() / f"timing-{digest_of(_identity(machine))[:32]}"


def cached_engine(graph: str, spec: EngineSpec, machine: Machine) -> EnginePlace | None:
    """None where none was built. Raises `Untrusted` for one that is not what was built here."""
    built = engine_folder(graph, spec, machine)
    try:
        if not (built / ENGINES_FILE).exists():
            return None
        for each in (built.parent, built, built / ENGINES_FILE):
            check_owner(each)
        engines = read_engines(built).engines
        if len(engines) == 1:
            path = built / engines[0].file
            check_owner(path)
            same = engines[0].graph == graph and engines[0].sha256 == digest_of_file(path)
            if same and not machine.differs(engines[0]):
                return EnginePlace(path, engines[0])
    except OSError as error:
        raise _untrusted(f"the cached engine cannot be read: {error.strerror}", built) from None
    raise _untrusted("the cached engine is not what was built here", built)


def check_owner(path: Path) -> None:
    """Raises `Untrusted` where others may write: an engine is code that whoever loads it runs."""
    if why := foreign_writers(path.lstat()):
        raise Untrusted(
            f"others may have written engines here: {why}",
            where=str(path),
            remedy=f"chmod go-w, or name a folder of your own in ${VARIABLE}; edgemed-device build-engine",
        )


def _identity(machine: Machine) -> tuple[str, ...]:
    return machine.package, machine.version, machine.gpu.compute_capability, machine.gpu.driver


def _untrusted(problem: str, built: Path) -> Untrusted:
    return Untrusted(problem, where=str(built), remedy="edgemed-device build-engine builds it again")
