"""Writing that neither a power cut nor a full disk leaves half done."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

from edgemed.errors import DiskFull, ToolFailure


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file through a temporary sibling: it is there whole, or as it was before.

    Raises `OSError` that names `path`, not the sibling.
    """
    part: Path | None = None
    try:
        part, file = new_part(path)
        with file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def new_part(path: Path) -> tuple[Path, BinaryIO]:
    """A temporary sibling that nobody made or linked before. Raises `OSError`."""
    part = path.with_name(f".{path.name}.{os.urandom(6).hex()}.part")
    return part, os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")


def flush(folder: Path) -> None:
    """Every file and folder below `folder`, and itself, onto the disk: a power cut tears none of them."""
    for path in (*folder.rglob("*"), folder):
        flush_one(path)


def flush_one(path: Path) -> None:
    """A file's content, or a folder's list of names, onto the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


_AGAIN = "free some space and run the same command again: finished stages are reused"
_TAKEN = "a file stands where a folder is needed: name another folder, or move the file"


def disk_failure(error: OSError, where: Path, remedy: str = "") -> ToolFailure:
    """What a failed write means, in words. `remedy` is what helps here."""
    if error.errno == errno.ENOSPC:
        return DiskFull("the disk is full", where=str(where), remedy=remedy or _AGAIN)
    problem = f"cannot write: {error.strerror or error}"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        remedy = remedy or _TAKEN
    return ToolFailure(problem, where=str(error.filename or where), remedy=remedy)
