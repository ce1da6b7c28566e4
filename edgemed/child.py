"""Runs one function in a fresh process: a crash there is a result here, and its memory goes with it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

from edgemed.errors import ChildCrashed, EdgemedError, ToolFailure

T = TypeVar("T")

_LAST_LINES = 5
_to_parent: Connection | None = None


@dataclass(frozen=True)
class ChildResult(Generic[T]):
    """What the function gave, and what it took: wall time in s, peak resident memory in MiB."""

    value: T
    seconds: float
    peak_mib: float


def report_progress(done: int, total: int) -> None:
    """Tell the parent how far this child is; does nothing outside a child."""
    if _to_parent is not None:
        _to_parent.send(("progress", done, total))


def run_in_child(
    function: Callable[..., T],
    *args: Any,
    what: str,
    timeout_s: float = 3600.0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ChildResult[T]:
    """Call `function(*args)` in a spawned process.

    `function` and `args` must be picklable; `what` names the work in messages. An `EdgemedError` raised in
    the child is raised here, any other exception as `ToolFailure`. Raises `ChildCrashed` when the process
    dies or runs past `timeout_s`, with the last lines that it printed. The child is ended when this process
    is interrupted.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="edgemed-") as folder:
        log = Path(folder) / "log"
        process = context.Process(target=_serve, args=(sender, str(log), function, args), daemon=True)
        start = time.perf_counter()
        process.start()
        sender.close()
        try:
            answer = _wait(receiver, start + timeout_s, on_progress)
        except BaseException:
            _end(process)
            raise
        finally:
            receiver.close()
        timed_out = answer is None and process.is_alive() and time.perf_counter() >= start + timeout_s
        if timed_out:
            _end(process)
        process.join()
        if answer is None:
            death = f"still running after {timeout_s:.0f} s" if timed_out else _death(process.exitcode)
            raise ChildCrashed(f"{what}: {death}", where=_last_lines(log))
    outcome, value, peak_mib = answer
    if outcome == "error":
        raise value
    return ChildResult(value, time.perf_counter() - start, peak_mib)


def _wait(
    receiver: Connection, deadline: float, on_progress: Callable[[int, int], None]
) -> tuple[str, Any, float] | None:
    """The child's answer; None when it died or time is up."""
    while receiver.poll(max(0.0, deadline - time.perf_counter())):
        try:
            kind, first, second = receiver.recv()
        except EOFError:
            return None
        if kind != "progress":
            return kind, first, second
        on_progress(first, second)
    return None


def _serve(sender: Connection, log: str, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    global _to_parent
    _to_parent = sender
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        sender.send(("value", function(*args), _peak_mib()))
    except EdgemedError as error:
        sender.send(("error", error, _peak_mib()))
    except Exception as error:  # noqa: BLE001  whatever a runtime raises is told to the parent
        gist = " ".join(str(error).split())[:400]
        sender.send(("error", ToolFailure(f"{type(error).__name__}: {gist}"), _peak_mib()))
    sender.close()


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _end(process: SpawnProcess) -> None:
    process.terminate()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"crashed ({signal.Signals(-exitcode).name})"
    return f"died with exit code {exitcode}"


def _last_lines(log: Path) -> str:
    if not log.exists():
        return ""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-_LAST_LINES:])[-600:]
