"""pip, as a process of its own: it has no Python interface."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata

from edgemed.errors import ToolFailure, Unavailable

_LEAVES_S = 5.0
_TOLD = ("Collecting ", "Downloading ", "Processing ")


def run_pip(arguments: Sequence[str], what: str, tell: Callable[[str], None], remedy: str) -> None:
    """`pip ARGUMENTS` of the Python that is running, its lines on packages given to `tell`.

    An interruption ends it, and all that it started. Raises `Unavailable` where there is none, `ToolFailure`
    with `what`, pip's own words and `remedy` where it fails.
    """
    try:
        metadata.distribution("pip")
    except metadata.PackageNotFoundError:
        raise Unavailable(
            "pip is not installed", where=sys.executable, remedy="python -m ensurepip"
        ) from None
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "pip", *arguments, "--no-input", "--progress-bar=off"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True,
    ) as pip:  # fmt: skip
        try:
            for line in pip.stdout or ():
                said.append(" ".join(line.split()))
                if said[-1].startswith(_TOLD):
                    tell(said[-1])
        except BaseException:
            _end(pip)
            raise
    if pip.returncode != 0:
        errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")] or said
        raise ToolFailure(
            f"{what}: {' | '.join(errors[-2:])[:600]}",
            where=f"pip {arguments[0]}",
            remedy="where the index is out of reach, name a mirror in PIP_INDEX_URL or a folder of wheels "
            f"in PIP_FIND_LINKS; {remedy}",
        )


def _end(pip: subprocess.Popen[str]) -> None:
    """It may clean up first; what it started is in its session."""
    with suppress(ProcessLookupError):
        os.killpg(pip.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            pip.wait(_LEAVES_S)
        os.killpg(pip.pid, signal.SIGKILL)
