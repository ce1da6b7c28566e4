"""The progress bar of long commands, on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgemed.types import StageTime


class ProgressBar:
    """A `Reporter`: a line for each stage that is done and, on a terminal, a bar for the one at work."""

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

    def __enter__(self) -> ProgressBar:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def stage(self, name: str, what: str) -> None:
        self._bar.reset(self._task, description=what, total=None, count="")

    def progress(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total, count=f"{done}/{total}")

    def finished(self, time: StageTime) -> None:
        took = "cached" if time.cached else f"{time.seconds:.1f} s"
        self._console.print(f"[green]✓[/] {time.name:<30} [dim]{took:>8}[/]", highlight=False)

    def warn(self, text: str) -> None:
        from rich.markup import escape

        self._console.print("[yellow]warning:[/] " + escape(text), highlight=False, soft_wrap=True)
