"""The progress bar of long commands, on standard error."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgemed.types import StageTime


EVERY_S = 30.0


class ProgressBar:
    """A `Reporter`: a line for each stage that is done and, on a terminal, a bar for the one at work.

    Elsewhere, as in a log, a line when a stage begins and, with its progress, every `EVERY_S` seconds.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True, quiet=quiet)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, count="")
        self._stage, self._what, self._told = "", "", 0.0

    def __enter__(self) -> ProgressBar:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def stage(self, name: str, what: str) -> None:
        self._bar.reset(self._task, description=what, total=None, count="")
        new = name != self._stage
        self._stage, self._what = name, what
        if new:
            self._log("")

    def progress(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total, count=f"{done}/{total}")
        if time.monotonic() - self._told >= EVERY_S:
            self._log(f", {done}/{total}")

    def _log(self, count: str) -> None:
        if not self._console.is_terminal:
            text = f"… {self._stage}: {self._what}{count}"
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)
            self._told = time.monotonic()

    def finished(self, stage: StageTime) -> None:
        took = "cached" if stage.cached else f"{stage.seconds:.1f} s"
        self._console.print(f"[green]✓[/] {stage.name:<30} [dim]{took:>8}[/]", highlight=False)

    def warn(self, text: str) -> None:
        from rich.markup import escape

        self._console.print("[yellow]warning:[/] " + escape(text), highlight=False, soft_wrap=True)
