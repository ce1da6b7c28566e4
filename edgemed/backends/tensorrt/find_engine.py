"""Which engine of an artefact, or of this machine's cache, is this GPU's and this TensorRT's."""

from __future__ import annotations

from pathlib import Path

from edgemed.backends.tensorrt.engine_cache import cached_engine
from edgemed.backends.tensorrt.engines import GRAPH_FILE, EnginePlace, read_engines, this_machine
from edgemed.backends.tensorrt.gpu import Gpu
from edgemed.errors import Unavailable
from edgemed.types import digest_of_file


def find_engine(folder: Path, gpu: Gpu) -> EnginePlace:
    """The engine that this machine can run, compared before anything is deserialised.

    Raises `Unavailable` naming what differs, `Untrusted` for an engine that others may have written.
    """
    listed = read_engines(folder)
    machine = this_machine(listed.spec.package, gpu)
    reasons = []
    for engine in listed.engines:
        differs = machine.differs(engine)
        if not differs:
            return EnginePlace(folder / engine.file, engine)
        reasons.append(f"{engine.file} is for {differs}")
    found = cached_engine(digest_of_file(folder / GRAPH_FILE), listed.spec, machine)
    if found is not None:
        return found
    raise Unavailable(
        f"no engine for compute capability {gpu.compute_capability}, driver {gpu.driver}, "
        f"{machine.package} {machine.version}" + (f" ({'; '.join(reasons)})" if reasons else ""),
        where=str(folder),
        remedy=f"edgemed-device build-engine {folder}",
    )
