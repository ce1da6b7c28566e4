"""Which engine of an artefact, or of this machine's cache, is this GPU's and this TensorRT's."""

from __future__ import annotations

from pathlib import Path

from edgemed.backends.tensorrt.engine_cache import cached_engine
from edgemed.backends.tensorrt.engines import GRAPH_FILE, EnginePlace, read_engines, this_machine
from edgemed.backends.tensorrt.gpu import Gpu
from edgemed.errors import Unavailable, Untrusted
from edgemed.types import digest_of_file


def find_engine(folder: Path, gpu: Gpu) -> EnginePlace:
    """The engine that this machine can run, compared before anything is deserialised.

    Raises `Unavailable` naming what differs, `Untrusted` for an engine that is not of the graph, or that
    others may have written.
    """
    listed = read_engines(folder)
    machine = this_machine(listed.spec.package, gpu)
    graph = _digest(folder / GRAPH_FILE)
    reasons = []
    for engine in listed.engines:
        differs = machine.differs(engine)
        if not differs:
            path = folder / engine.file
            if engine.graph != graph or engine.sha256 != _digest(path):
                raise Untrusted(f"{engine.file} is not the engine of this graph", where=str(folder))
            return EnginePlace(path, engine)
        reasons.append(f"{engine.file} is for {differs}")
    found = cached_engine(graph, listed.spec, machine)
    if found is not None:
        return found
    raise Unavailable(
        f"no engine for compute capability {gpu.compute_capability}, driver {gpu.driver}, "
        f"{machine.package} {machine.version}" + (f" ({'; '.join(reasons)})" if reasons else ""),
        where=str(folder),
        remedy=f"edgemed-device build-engine {folder}",
    )


def _digest(path: Path) -> str:
    try:
        return digest_of_file(path)
    except OSError as error:
        raise Untrusted(f"{path.name} cannot be read: {error.strerror}", where=str(path.parent)) from None
