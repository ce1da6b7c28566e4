"""Writing that neither a power cut, a full disk nor another process leaves half done."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edgemed.errors import DiskFull, ToolFailure


def write_whole(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Write a file through a temporary sibling: it is there whole, or as it was before. It keeps its mode; a
    new one has `mode`, less the umask.

    Raises `OSError` that names `path`, not the sibling.
    """
    part: Path | None = None
    try:
        part, file = new_part(path, mode)
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


def new_part(path: Path, mode: int = 0o666) -> tuple[Path, BinaryIO]:
    """A temporary sibling that nobody made or linked before, with the mode of what it will replace, else
    `mode`, less the umask. Raises `OSError` that names `path`."""
    part = path.with_name(f".{path.name}.{os.urandom(6).hex()}.part")
    try:
        before = stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        before = None
    try:
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode if before is None else before & mode)
    except OSError as error:
        error.filename = str(path)
        raise
    if before is not None:
        os.fchmod(made, before)
    return part, os.fdopen(made, "wb")


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """One at a time of all that ask for this file, which need not be there. Raises `OSError`."""
    import fcntl

    lock = path.with_name(f".{path.name}.lock")
    while True:
        with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not _is_at(lock, held.fileno()):
                continue  # whoever held it before took it away
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return


def foreign_writers(found: os.stat_result) -> str:
    """Who else than root and this user may have written a file or a folder, in words; empty where nobody may.
    Of a link's own status it is never empty."""
    if found.st_uid not in (0, os.geteuid()):
        return f"it belongs to user {found.st_uid}"
    if stat.S_ISLNK(found.st_mode):
        return "it is a link"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others than its owner may write it"
    return ""


def _is_at(path: Path, opened: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(opened))
    except FileNotFoundError:
        return False


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
_ABSENT = "make the folder first, or name another"
_TAKEN = "a file stands where a folder is needed: name another folder, or move the file"


def disk_failure(error: OSError, where: Path, remedy: str = "") -> ToolFailure:
    """What a failed write means, in words. `remedy` is what helps here."""
    if error.errno == errno.ENOSPC:
        return DiskFull("the disk is full", where=str(where), remedy=remedy or _AGAIN)
    problem = f"cannot write: {error.strerror or error}"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        remedy = remedy or _TAKEN
    if error.errno == errno.ENOENT:
        remedy = remedy or _ABSENT
    return ToolFailure(problem, where=str(error.filename or where), remedy=remedy)
