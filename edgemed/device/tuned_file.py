"""`tuned.json` on disk: it is there whole, or as it was before."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edgemed.errors import BadInput, ToolFailure
from edgemed.runtime import is_artefact
from edgemed.types.tuned import Tuned

TUNED_FILE = "tuned.json"


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
            Tuned.from_json(path.read_text(encoding="utf-8"))
        except (BadInput, UnicodeDecodeError):
            raise BadInput(
                "no tune of this edgemed wrote this file, and one would replace it",
                where=str(path),
                remedy="remove it, or give another --out FILE",
            ) from None


def write_tuned(tuned: Tuned, path: Path) -> None:
    """Raises `ToolFailure` where the disk is full or the folder is gone."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(tuned.to_json())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ToolFailure(
            f"cannot write: {error.strerror or error}",
            where=str(path),
            remedy="free space, or give --out FILE",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
