"""Where a tune may write its `tuned.json`, and the writing."""

from __future__ import annotations

import os
from pathlib import Path

from edgemed.disk import disk_failure, write_whole
from edgemed.errors import BadInput
from edgemed.runtime import is_artefact, read_tuned
from edgemed.types.tuned import Tuned


def check_place(path: Path) -> None:
    """Before anything slow: `path` can be written, and replaces only what a tune wrote. Raises `BadInput`."""
    if any(map(is_artefact, path.resolve().parents)):
        raise BadInput(
            "an artefact's own folder takes no other file", where=str(path), remedy="give another --out FILE"
        )
    if not path.parent.is_dir() or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise BadInput("no file can be written there", where=str(path), remedy="give another --out FILE")
    if path.exists():
        try:
            read_tuned(path)
        except BadInput as error:
            raise BadInput(
                f"{error.problem}, and one would replace it",
                where=str(path),
                remedy="remove it, or give another --out FILE",
            ) from None


def write_tuned(tuned: Tuned, path: Path) -> None:
    """Whole or not at all. Raises `ToolFailure` where the disk is full or the folder is gone."""
    try:
        write_whole(path, tuned.to_json())
    except OSError as error:
        raise disk_failure(error, path, "free space, or give --out FILE") from None
