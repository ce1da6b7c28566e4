"""Builds an artefact's engine on the board, once for each graph, TensorRT, GPU and driver."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgemed.backends.tensorrt.builder import build_engine
from edgemed.backends.tensorrt.engines import (
    ENGINES_FILE,
    GRAPH_FILE,
    cache_folder,
    cached_engine,
    engine_key,
    read_engines,
)
from edgemed.backends.tensorrt.gpu import Gpu, find_gpu
from edgemed.backends.tensorrt.package import installed_version, remedy
from edgemed.child import run_in_child
from edgemed.errors import BadInput, EdgemedError, ToolFailure, Unavailable, Untrusted
from edgemed.runtime import Session, read_manifest, verify_files
from edgemed.types import EngineList, EngineSpec, digest_of_file

BACKEND = "tensorrt"
_ENGINE_FILE = "board.engine"
_TIMING_CACHE = "timing.cache"
_LOAD_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class BoardEngine:
    """Where the engine lies, whether an earlier run built it, and how near its golden cases came."""

    folder: Path
    found: bool
    difference: float


def build_on_board(folder: Path, *, timeout_s: float) -> BoardEngine:
    """Build the engine of the artefact in `folder` and replay its golden cases, in processes of their own.

    What is built goes into this machine's cache; tactics that were timed are kept beside it for the next
    build. Raises `BadInput` for an artefact without a TensorRT graph, `Unavailable` where the GPU or TensorRT
    is missing or another than the artefact is for, `ToolFailure` where the build fails, hangs or crashes,
    `Untrusted` where the artefact is not what its manifest says, or the engine answers the golden cases
    differently: then it is removed.
    """
    manifest = read_manifest(folder)
    if manifest.backend != BACKEND:
        raise BadInput(
            f"an artefact of {manifest.backend} has no engine to build",
            where=str(folder),
            remedy="give the folder of a tensorrt artefact; edgemed-device tune runs the others",
        )
    verify_files(folder, manifest)
    spec = read_engines(folder).spec
    version = _fitting_version(spec, folder)
    gpu = _fitting_gpu(spec, folder)
    graph = digest_of_file(folder / GRAPH_FILE)
    root = cache_folder()
    built = root / engine_key(graph, spec.package, version, gpu)
    found = _is_whole(built, graph, version, gpu)
    if not found:
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            _build(folder, spec, gpu, built, root / f"{spec.package}-{version}-{_TIMING_CACHE}", timeout_s)
        except OSError as error:
            raise ToolFailure(f"cannot write: {error.strerror or error}", where=str(root)) from None
    try:
        difference: float = run_in_child(
            _replay, str(folder), what="replaying the golden cases", timeout_s=_LOAD_TIMEOUT_S
        ).value
    except EdgemedError:
        shutil.rmtree(built, ignore_errors=True)
        raise
    return BoardEngine(built, found, difference)


def _fitting_version(spec: EngineSpec, folder: Path) -> str:
    version = installed_version(spec.package)
    if not version:
        raise Unavailable(f"{spec.package} is not installed", where=str(folder), remedy=remedy(spec.package))
    if not spec.takes(version):
        raise Unavailable(
            f"{spec.package} {version} is here; the artefact is for {spec.versions}",
            where=str(folder),
            remedy=f"install {spec.package}{spec.versions}, or compile for a target with this one",
        )
    return version


def _fitting_gpu(spec: EngineSpec, folder: Path) -> Gpu:
    gpu = find_gpu()
    if gpu.compute_capability not in spec.compute_capabilities:
        wanted = " or ".join(spec.compute_capabilities)
        raise Unavailable(
            f"the GPU here has compute capability {gpu.compute_capability}; the artefact is for {wanted}",
            where=str(folder),
            remedy="compile for a target with this GPU",
        )
    return gpu


def _is_whole(built: Path, graph: str, version: str, gpu: Gpu) -> bool:
    """Whether an earlier run built it. One that is broken or strange is built again."""
    if not (built / ENGINES_FILE).exists():
        return False
    try:
        cached_engine(built, graph, version, gpu)
    except (Untrusted, OSError, IndexError):
        shutil.rmtree(built)
        return False
    return True


def _build(folder: Path, spec: EngineSpec, gpu: Gpu, built: Path, timing: Path, timeout_s: float) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=".building-", dir=built.parent))
    try:
        run_in_child(
            _build_into, str(folder), spec, gpu, str(temporary), str(timing),
            what="building the engine", timeout_s=timeout_s,
        )  # fmt: skip
        temporary.replace(built)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _build_into(folder: str, spec: EngineSpec, gpu: Gpu, out: str, timing: str) -> None:
    engine = build_engine(
        Path(folder) / GRAPH_FILE, spec.package, gpu.compute_capability, Path(out) / _ENGINE_FILE,
        driver=gpu.driver, timing_cache=Path(timing),
    )  # fmt: skip
    (Path(out) / ENGINES_FILE).write_text(EngineList(spec, (engine,)).to_json(), encoding="utf-8")


def _replay(folder: str) -> float:
    manifest = read_manifest(Path(folder))
    return Session.load_unverified(Path(folder), manifest).replay_golden_cases()
