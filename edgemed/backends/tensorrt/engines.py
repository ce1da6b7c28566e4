"""Which engine of an artefact, or of this machine's cache, is this GPU's and this TensorRT's."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from edgemed.backends.tensorrt.gpu import Gpu
from edgemed.backends.tensorrt.package import installed_version, remedy
from edgemed.errors import BadInput, Unavailable, Untrusted
from edgemed.types import Engine, EngineList, digest_of, digest_of_file

ENGINES_FILE = "engines.json"
GRAPH_FILE = "model.onnx"
CACHE_VARIABLE = "EDGEMED_ENGINE_CACHE"


@dataclass(frozen=True)
class EnginePlace:
    """Where an engine lies, and what it is."""

    path: Path
    engine: Engine


def read_engines(folder: Path) -> EngineList:
    """`engines.json` of an artefact folder. Raises `Untrusted` where it is missing or broken."""
    try:
        return EngineList.from_json((folder / ENGINES_FILE).read_text(encoding="utf-8"), ENGINES_FILE)
    except (OSError, UnicodeDecodeError, BadInput) as error:
        raise Untrusted(f"{ENGINES_FILE} cannot be read: {error}", where=str(folder)) from None


def cache_folder() -> Path:
    """Engines built on this machine: `$EDGEMED_ENGINE_CACHE`, else `~/.cache/edgemed/engines`."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else Path.home() / ".cache" / "edgemed" / "engines"


def engine_key(graph: str, package: str, version: str, gpu: Gpu) -> str:
    """Name of a cached engine: it is right for this graph, TensorRT, GPU and driver alone."""
    return digest_of([graph, package, version, gpu.compute_capability, gpu.driver])[:32]


def find_engine(folder: Path, gpu: Gpu) -> EnginePlace:
    """The engine that this machine can run, compared before anything is deserialised.

    Raises `Unavailable` naming what differs, `Untrusted` for an engine that others may have written.
    """
    listed = read_engines(folder)
    package = listed.spec.package
    version = installed_version(package)
    command = f"edgemed-device build-engine {folder}"
    if not version:
        raise Unavailable(
            f"{package} is not installed", where=str(folder), remedy=f"{remedy(package)}; then {command}"
        )
    reasons = []
    for engine in listed.engines:
        differs = _differs(engine, version, gpu)
        if not differs:
            return EnginePlace(folder / engine.file, engine)
        reasons.append(f"{engine.file} is for {differs}")
    graph = digest_of_file(folder / GRAPH_FILE)
    built = cache_folder() / engine_key(graph, package, version, gpu)
    if (built / ENGINES_FILE).exists():
        return cached_engine(built, graph, version, gpu)
    raise Unavailable(
        f"no engine for compute capability {gpu.compute_capability}, {package} {version}"
        + (f" ({'; '.join(reasons)})" if reasons else ""),
        where=str(folder),
        remedy=command,
    )


def cached_engine(built: Path, graph: str, version: str, gpu: Gpu) -> EnginePlace:
    """An engine of this machine's cache. Raises `Untrusted` where it is not what was built here."""
    engine = read_engines(built).engines[0]
    path = built / engine.file
    for each in (built, built / ENGINES_FILE, path):
        status = each.lstat()
        if status.st_uid not in (os.getuid(), 0) or stat.S_IMODE(status.st_mode) & 0o022 or each.is_symlink():
            raise Untrusted(
                "others may have written this engine: it is theirs, a link, or writable by them",
                where=str(each),
                remedy=f"remove {built} and build it again",
            )
    if engine.graph != graph or engine.sha256 != digest_of_file(path) or _differs(engine, version, gpu):
        raise Untrusted(
            "the cached engine is not what was built here", where=str(path), remedy=f"remove {built}"
        )
    return EnginePlace(path, engine)


def _differs(engine: Engine, version: str, gpu: Gpu) -> str:
    """What an engine is for, where that is not this machine; else empty."""
    if engine.version != version:
        return f"{engine.package} {engine.version}"
    if engine.compute_capability != gpu.compute_capability:
        return f"compute capability {engine.compute_capability}"
    if engine.driver not in ("", gpu.driver):
        return f"driver {engine.driver}"
    return ""
