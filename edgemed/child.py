"""Runs one function in a fresh process: a crash there is a result here, and its memory goes with it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from edgemed.errors import ChildCrashed, EdgemedError, ToolFailure

T = TypeVar("T")

_LAST_LINES = 5
_EXIT_S = 10.0
"""A child that has answered gets so long to leave."""
_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
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
    dies, or gives neither answer nor progress for `timeout_s`, with the last lines that it printed. The child
    ends when this process is interrupted or dies.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryFile() as log, Connection(os.dup(log.fileno())) as to_log:
        process = context.Process(target=_serve, args=(sender, to_log, function, args), daemon=True)
        start = time.perf_counter()
        try:
            with _interrupts_held():
                process.start()
            sender.close()
            answer = _wait(receiver, timeout_s, on_progress)
            process.join(_EXIT_S)
        except TimeoutError:
            silence = f"{what}: no sign of life for {timeout_s:.0f} s"
            raise ChildCrashed(silence, where=_last_lines(log)) from None
        finally:
            if process.pid is not None:
                _end(process)
            receiver.close()
        if answer is None:
            raise ChildCrashed(f"{what}: {_death(process.exitcode)}", where=_last_lines(log))
    outcome, value, peak_mib = answer
    if outcome == "error":
        raise value
    return ChildResult(value, time.perf_counter() - start, peak_mib)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the block is over: a process half started would be lost, or print a traceback.

    A child inherits the blocked signal and later ignores it: its parent ends it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    resource_tracker.ensure_running()  # starting it would unblock the signal
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)
        if held:
            raise KeyboardInterrupt


def _wait(
    receiver: Connection, silence_s: float, on_progress: Callable[[int, int], None]
) -> tuple[str, Any, float] | None:
    """The child's answer; None when it died. Raises `TimeoutError` after `silence_s` without a message."""
    while receiver.poll(silence_s):
        try:
            kind, first, second = receiver.recv()
        except (EOFError, OSError):
            return None
        if kind != "progress":
            return kind, first, second
        on_progress(first, second)
    raise TimeoutError


def _serve(sender: Connection, log: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """`log` is a file: a connection takes its descriptor into a spawned process."""
    global _to_parent
    _to_parent = sender
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    try:
        sender.send(("value", function(*args), peak_mib()))
    except EdgemedError as error:
        sender.send(("error", error, peak_mib()))
    except Exception as error:  # noqa: BLE001  whatever a runtime raises is told to the parent
        sender.send(("error", _told(error), peak_mib()))
    sender.close()


def _told(error: Exception) -> ToolFailure:
    return ToolFailure(f"{type(error).__name__}: {' '.join(str(error).split())[:400]}")


def _end_with_parent() -> None:
    """By a thread, and on Linux by the kernel too: C code that holds the interpreter lets no thread run."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def peak_mib() -> float:
    """The most that this process alone held: getrusage tells at least what its parent held at its start."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        status = ""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _end(process: SpawnProcess) -> None:
    """Does nothing where it has ended."""
    process.terminate()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()


def _death(exitcode: int | None) -> str:
    if exitcode == -signal.SIGKILL:
        return "killed from outside (SIGKILL), as a machine does that runs out of memory"
    if exitcode is not None and exitcode < 0:
        return f"crashed ({signal.Signals(-exitcode).name})"
    return f"died with exit code {exitcode}"


def _last_lines(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-_LAST_LINES:])[-600:]
