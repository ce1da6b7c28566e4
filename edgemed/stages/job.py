"""Job: what every stage of one compile shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edgemed import __version__
from edgemed.cache import Stage, StageCache
from edgemed.child import run_in_child
from edgemed.readers import open_set
from edgemed.types import InputSpec, OutputSpec, Recipe, SampleSet, StageTime

T = TypeVar("T")

_TOOLS = ("onnxruntime", "openvino", "nncf", "onnx", "onnxscript", "torch", "numpy")


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
    """One compile: its recipe, where its paths start (`base`), where it writes (`out`)."""

    recipe: Recipe
    base: Path
    out: Path
    reporter: Reporter = field(default_factory=Silence)
    times: list[StageTime] = field(default_factory=list)
    tools: dict[str, str] = field(default_factory=lambda: tool_versions())

    def __post_init__(self) -> None:
        self.base = self.base.resolve()
        self.out = self.out.resolve()
        self.cache = StageCache(self.out / ".cache")

    def versions(self, *names: str) -> dict[str, str]:
        """Versions that a stage's result depends on, for its cache key."""
        return {name: self.tools.get(name, "") for name in ("edgemed", *names)}

    def run(
        self, name: str, what: str, depends_on: dict[str, Any], function: Callable[..., Any], *args: Any
    ) -> Stage:
        """A cached stage made by `function(*args, folder)` in a child process; it gives the facts (JSON)."""
        self.reporter.stage(name, what)

        def make(folder: Path) -> tuple[float, dict[str, Any]]:
            result = run_in_child(function, *args, folder, what=what, on_progress=self.reporter.progress)
            return result.peak_mib, result.value or {}

        stage = self.cache.run(name, depends_on, make)
        self.add_time(StageTime(name, stage.seconds, stage.cached, stage.peak_mib))
        return stage

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

    def open(self) -> SampleSet:
        return open_set(self.ref, self.inputs, self.outputs, base=Path(self.base), skip_bad=self.skip_bad)


def tool_versions() -> dict[str, str]:
    """Versions of edgemed and of what it builds with; a tool that is not installed is left out."""
    versions = {"edgemed": __version__}
    for name in _TOOLS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
