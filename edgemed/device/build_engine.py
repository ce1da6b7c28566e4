"""Builds an artefact's engine on the board, once for each graph, build settings, TensorRT, GPU and driver."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgemed.backends.tensorrt.builder import build_engine, check_graph
from edgemed.backends.tensorrt.engine_cache import cached_engine, check_owner, engine_folder, timing_cache
from edgemed.backends.tensorrt.engines import ENGINES_FILE, GRAPH_FILE, Machine, read_engines, this_machine
from edgemed.backends.tensorrt.gpu import Gpu, find_gpu
from edgemed.child import run_in_child
from edgemed.disk import disk_failure, flush
from edgemed.errors import BadInput, EdgemedError, ToolFailure, Unavailable, Untrusted
from edgemed.measure import LOAD_TIMEOUT_S
from edgemed.runtime import GoldenCases, Session, read_manifest, verify_files
from edgemed.types import EngineList, EngineSpec, Manifest, digest_of_file

BACKEND = "tensorrt"
_ENGINE_FILE = "board.engine"
_TIMING_FILE = "timing.cache"
_SCRATCH = ".building-"
_LOCK = "lock"
_ALL_MAY_READ = 0o755
"""What root built, a daemon of any user runs; only the owner writes it."""


@dataclass(frozen=True)
class BoardEngine:
    """Where the engine lies, whether it was there before, and how near its golden cases came.

    Such an engine is equivalent to what was judged, as far as `cases` golden cases tell; the verdict of the
    artefact is not its own. `notes`: what this board's front end said of the graph.
    """

    folder: Path
    found: bool
    cases: int
    difference: float
    notes: tuple[str, ...]


def build_on_board(folder: Path, *, timeout_s: float, tell: Callable[[str], None]) -> BoardEngine:
    """Build the engine of the artefact in `folder` and replay its golden cases, in processes of their own.

    What is built goes into this machine's cache; tactics that were timed are kept beside it for the next
    build. One build runs at a time. `tell` is given a line for each step. Raises `BadInput` for an artefact
    without a TensorRT graph, `Unavailable` where the GPU or TensorRT is missing or another than the artefact
    is for, `ToolFailure` where the build fails, hangs or crashes, `Untrusted` where the artefact is not what
    its manifest says, or the engine answers the golden cases differently: then it is removed.
    """
    manifest = read_manifest(folder)
    if manifest.backend != BACKEND:
        raise BadInput(
            f"an artefact of {manifest.backend} has no engine to build",
            where=str(folder),
            remedy="give the folder of a tensorrt artefact; edgemed-device tune runs the others",
        )
    verify_files(folder, manifest)
    listed = read_engines(folder)
    machine = _fitting(listed.spec, folder)
    shipped = next((each for each in listed.engines if not machine.differs(each)), None)
    if shipped is not None:
        tell(f"{shipped.file} was built for this GPU: nothing to build")
        return BoardEngine(folder, True, _cases(folder, manifest), _replayed(folder, tell), listed.notes)
    graph = digest_of_file(folder / GRAPH_FILE)
    built = engine_folder(graph, listed.spec, machine)
    with _alone(built.parent, tell):
        found = _is_whole(graph, listed.spec, machine, built)
        if not found:
            tell(f"building with {machine.package} {machine.version}, which takes minutes on a small board")
            _build(folder, listed.spec, machine, built, timeout_s)
        try:
            difference = _replayed(folder, tell)
        except EdgemedError as error:
            if not found or isinstance(error, Untrusted):
                shutil.rmtree(built, ignore_errors=True)
            raise
        return BoardEngine(built, found, _cases(folder, manifest), difference, read_engines(built).notes)


def _fitting(spec: EngineSpec, folder: Path) -> Machine:
    machine = this_machine(spec.package, _fitting_gpu(spec, folder))
    if not spec.takes(machine.version):
        raise Unavailable(
            f"{spec.package} {machine.version} is here; the artefact is for {spec.versions}",
            where=str(folder),
            remedy=f"install {spec.package}{spec.versions}, or compile for a target with this one",
        )
    return machine


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


@contextmanager
def _alone(root: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock on the cache, and remove what killed builds left half done.

    Two builds at a time would take each other's memory and time each other's tactics. Raises `Untrusted`
    where others may write into the cache.
    """
    try:
        if not root.exists():
            root.mkdir(parents=True, exist_ok=True, mode=_ALL_MAY_READ)
            root.chmod(_ALL_MAY_READ)  # whatever the umask
        check_owner(root)
        lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _cannot_write(error, root) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another build-engine is at work: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for scratch in root.glob(f"{_SCRATCH}*"):
            shutil.rmtree(scratch, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def _is_whole(graph: str, spec: EngineSpec, machine: Machine, built: Path) -> bool:
    """Whether an earlier run built it. One that is broken or strange is removed and built again."""
    try:
        return cached_engine(graph, spec, machine) is not None
    except Untrusted:
        try:
            shutil.rmtree(built)
        except OSError as failure:
            raise _cannot_write(failure, built) from None
        return False


def _build(folder: Path, spec: EngineSpec, machine: Machine, built: Path, timeout_s: float) -> None:
    known = timing_cache(machine)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=built.parent))
        try:
            if spec.timing_cache and known.exists():
                shutil.copyfile(known, temporary / _TIMING_FILE)
            run_in_child(
                _build_into, str(folder), spec, machine, str(temporary),
                what="building the engine", timeout_s=timeout_s,
            )  # fmt: skip
            _keep(temporary, built, known)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(error, built.parent) from None


def _build_into(folder: str, spec: EngineSpec, machine: Machine, out: str) -> None:
    graph = Path(folder) / GRAPH_FILE
    notes = check_graph(graph, machine.package)
    engine = build_engine(
        graph, machine.package, machine.gpu, Path(out) / _ENGINE_FILE,
        timing_cache=Path(out) / _TIMING_FILE if spec.timing_cache else None,
    )  # fmt: skip
    own = EngineList(spec, (engine,), notes)
    (Path(out) / ENGINES_FILE).write_text(own.to_json(), encoding="utf-8")


def _keep(temporary: Path, built: Path, known: Path) -> None:
    """Give the files their names, once they are on the disk: a power cut leaves the old ones or the new."""
    for path in (temporary, *temporary.iterdir()):
        path.chmod(_ALL_MAY_READ if path.is_dir() else _ALL_MAY_READ & 0o666)
    flush(temporary)
    timed = temporary / _TIMING_FILE
    if timed.exists():
        timed.replace(known)
    shutil.rmtree(built, ignore_errors=True)  # what a removal that was cut short left
    temporary.replace(built)
    flush(built.parent)


def _replayed(folder: Path, tell: Callable[[str], None]) -> float:
    """The golden cases' largest difference, in a process of its own. Raises `Untrusted` where they differ."""
    tell("replaying the golden cases")
    try:
        return run_in_child(
            _replay, str(folder), what="replaying the golden cases", timeout_s=LOAD_TIMEOUT_S
        ).value
    except Untrusted as error:
        remedy = "the engine is refused; the artefacts for other runtimes stay as they are"
        raise Untrusted(error.problem, where=error.where, remedy=remedy) from None


def _cases(folder: Path, manifest: Manifest) -> int:
    return len(GoldenCases(folder, manifest.inputs, manifest.outputs))


def _replay(folder: str) -> float:
    manifest = read_manifest(Path(folder))
    return Session.load_unverified(Path(folder), manifest).replay_golden_cases()


def _cannot_write(error: OSError, where: Path) -> ToolFailure:
    return disk_failure(error, where, "free space, or name another folder in $EDGEMED_ENGINE_CACHE")
