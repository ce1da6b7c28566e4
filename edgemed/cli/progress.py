"""The progress bar of long commands, on standard error."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from edgemed.types import StageTime


class ProgressBar:
    """A `Reporter` that draws one line for the stage at work and leaves one for each that is done."""

    def __init__(self, *, quiet: bool = False) -> None:
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
        took = "from the cache" if time.cached else f"{time.seconds:.1f} s"
        self._console.print(f"[green]✓[/] {time.name:<28} [dim]{took}[/]", highlight=False)

    def warn(self, text: str) -> None:
        self._console.print(f"[yellow]warning:[/] {text}", highlight=False, markup=True)
