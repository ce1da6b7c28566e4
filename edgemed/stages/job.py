"""Job: what every stage of one compile shares."""

from __future__ import annotations

import errno
import functools
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edgemed import __version__
from edgemed.backends import backend_names, get_backend
from edgemed.cache import Stage, StageCache
from edgemed.child import run_in_child
from edgemed.disk import disk_failure
from edgemed.errors import BadInput, ToolFailure
from edgemed.readers import open_set
from edgemed.stages.step_files import with_digests
from edgemed.types import (
    Decisions,
    InputSpec,
    OutputSpec,
    Recipe,
    SampleSet,
    StageTime,
    digest_of,
    digest_of_file,
)

T = TypeVar("T")

STAGE_TIMEOUT_S = 3600.0
"""Without a sign of progress."""
_DISK_IS_FULL = 1 << 20
"""Free bytes below which a failed stage has failed for want of space: runtimes word that in many ways."""

_TOOLS = ("nncf", "onnx", "onnxscript", "torch", "torch-pruning", "numpy", "scipy")


class Reporter(Protocol):
    """Is told what a compile does; draws the progress bar."""

    def stage(self, name: str, what: str) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def finished(self, time: StageTime) -> None: ...
    def warn(self, text: str) -> None: ...


class Silence:
    """A reporter that says nothing."""

    def stage(self, name: str, what: str) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def finished(self, time: StageTime) -> None: ...
    def warn(self, text: str) -> None: ...


@dataclass
class Job:
    """One compile: its recipe, where its paths start (`base`), where it writes (`out`).

    The recipe gets the digests of the files that its steps read (`with_digests`).
    """

    recipe: Recipe
    base: Path
    out: Path
    reporter: Reporter = field(default_factory=Silence)
    targets: tuple[Path, ...] = ()
    """Folders with targets of the user's."""
    decisions: Decisions | None = None
    """Of an earlier compile, to decide alike."""
    times: list[StageTime] = field(default_factory=list)
    tools: dict[str, str] = field(default_factory=lambda: tool_versions())

    def __post_init__(self) -> None:
        self.shown_out = self.out
        self.base = self.base.resolve()
        self.recipe = with_digests(self.recipe, self.base)
        self.out = self.out.resolve()
        try:
            self.cache = StageCache(self.out / ".cache")
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise disk_failure(error, self.shown_out) from None
            raise BadInput(
                f"cannot write to the output folder: {error.strerror}",
                where=f"--out {self.shown_out}",
                remedy="give a folder that may be written, or one that is not there yet",
            ) from None

    def alone(self) -> AbstractContextManager[None]:
        """The only compile that writes to `out`, for the length of a `with`. Raises `BadInput` when not."""
        return self.cache.alone(self.shown_out)

    def versions(self, *names: str) -> dict[str, str]:
        """Versions that a stage's result depends on, for its cache key; of edgemed, its very code."""
        return {"code": _code_digest()} | {name: self.tools.get(name, "") for name in names}

    def run(
        self,
        name: str,
        what: str,
        depends_on: dict[str, Any],
        function: Callable[..., Any],
        *args: Any,
        timeout_s: float = STAGE_TIMEOUT_S,
    ) -> Stage:
        """A cached stage made by `function(*args, folder)` in a child process; it gives the facts (JSON).

        Raises what `run_in_child` raises, and `DiskFull` where the stage failed for want of space.
        """
        self.reporter.stage(name, what)

        def make(folder: Path) -> tuple[float, dict[str, Any]]:
            try:
                result = run_in_child(
                    function, *args, folder,
                    what=what, timeout_s=timeout_s, on_progress=self.reporter.progress,
                )  # fmt: skip
            except ToolFailure:
                if shutil.disk_usage(folder).free < _DISK_IS_FULL:
                    raise disk_failure(OSError(errno.ENOSPC, ""), self.shown_out) from None
                raise
            return result.peak_mib, result.value or {}

        stage = self.cache.run(name, depends_on, make)
        self.add_time(StageTime(name, stage.seconds, stage.cached, stage.peak_mib))
        return stage

    def warn(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Tell each now; gives them, for the report."""
        told = tuple(texts)
        for text in told:
            self.reporter.warn(text)
        return told

    def add_time(self, time: StageTime) -> None:
        self.times.append(time)
        self.reporter.finished(time)


@dataclass(frozen=True)
class SetSource:
    """How to open one of the three sets; travels to child processes."""

    ref: str
    base: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    skip_bad: bool
    sha256: str = ""
    groups: tuple[str, ...] = ()
    """Of each readable sample, "" where it has none."""

    def open(self) -> SampleSet:
        return open_set(self.ref, self.inputs, self.outputs, base=Path(self.base), skip_bad=self.skip_bad)


@functools.cache
def _code_digest() -> str:
    """Of edgemed's own Python files: a checkout changes without its version."""
    root = Path(__file__).parents[1]
    return digest_of([digest_of_file(file) for file in sorted(root.rglob("*.py"))])


def tool_versions() -> dict[str, str]:
    """Versions of edgemed and of what it builds with; a tool that is not installed is left out."""
    versions = {"edgemed": __version__}
    for name in backend_names():
        found = get_backend(name).availability()
        if found.available:
            versions[name] = found.version
    for name in _TOOLS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
