"""Calls: on a thread of their own, for those who await an answer or need it by a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from edgemed.errors import BadInput, DeadlineMissed

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")


class Calls:
    """One thread, made by the first call that needs it. Calls wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def within(self, deadline_s: float, function: Callable[..., T], *args: object) -> T:
        """What `function(*args)` gives. Raises what it raises, `BadInput` where `deadline_s` is no time,
        `DeadlineMissed` where it has not answered by then, or the answer arrived later."""
        from concurrent.futures import TimeoutError as TooLate

        _check(deadline_s)
        ends = time.monotonic() + deadline_s
        called = self._begin(function, *args)
        try:
            answer = called.result(timeout=deadline_s)
        except TooLate:
            called.cancel()
            raise _missed(deadline_s) from None
        if time.monotonic() > ends:
            raise _missed(deadline_s)
        return answer

    async def awaited(self, deadline_s: float | None, function: Callable[..., T], *args: object) -> T:
        """The same, with no deadline where that is None."""
        import asyncio

        _check(deadline_s)
        ends = None if deadline_s is None else time.monotonic() + deadline_s
        called = self._begin(function, *args)
        try:
            answer = await asyncio.wait_for(asyncio.wrap_future(called), deadline_s)
        except asyncio.TimeoutError:
            raise _missed(deadline_s) from None
        if ends is not None and time.monotonic() > ends:
            raise _missed(deadline_s)
        return answer

    def _begin(self, function: Callable[..., T], *args: object) -> Future[T]:
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="edgemed")
            return self._pool.submit(function, *args)


def _check(deadline_s: float | None) -> None:
    if deadline_s is None:
        return
    if not isinstance(deadline_s, (int, float)) or not 0 < deadline_s <= threading.TIMEOUT_MAX:
        raise BadInput(
            f"{deadline_s!r} is no length of time",
            where="deadline_s",
            remedy="give seconds above 0, or none at all",
        )


def _missed(deadline_s: float | None) -> DeadlineMissed:
    return DeadlineMissed(
        f"there is no answer after {deadline_s:g} s",
        where="deadline_s",
        remedy="what is still computed is thrown away, and the next call waits for its end; "
        "edgemed-device tune measures how long it takes here",
    )
