"""The argument TASK of the commands that simulate."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.mr.task import Task


def task_of(name: str, protocol: str | None, snr: float | None) -> Task:
    """The task of that name or in that `.json` file, on another protocol or at another SNR where given.

    Raises `BadInput` where there is none.
    """
    from edgemed.mr.protocol import PROTOCOLS
    from edgemed.mr.task import Task, find_task

    if name.endswith(".json"):
        try:
            task = Task.from_json(Path(name).read_text(encoding="utf-8"), where=name)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"the task cannot be read: {error}",
                where=name,
                remedy="edgemed mr simulate imrd-honest --dry-run --json writes one",
            ) from None
    else:
        task = find_task(name)
    if protocol is not None:
        task = dataclasses.replace(task, protocol=PROTOCOLS[protocol])
    return task if snr is None else dataclasses.replace(task, snr=snr)
