"""Puts what was kept where the user finds it: `artefacts/<id>/`, and `original/` to compare with."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgemed.cache import disk_failure
from edgemed.stages.artefacts import ORIGINAL, Built

ARTEFACTS = "artefacts"
ORIGINAL_FOLDER = "original"


def shelve(out: Path, built: Mapping[str, Built], kept: Iterable[str]) -> None:
    """Copy the kept artefacts and the original; remove artefacts that an earlier compile kept."""
    names = set(kept)
    shelf = out / ARTEFACTS
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        for name in sorted(names):
            _place(built[name].folder, shelf / name)
        for old in shelf.iterdir():
            if old.name not in names:
                shutil.rmtree(old)
        _place(built[ORIGINAL.id].folder, out / ORIGINAL_FOLDER)
    except OSError as error:
        raise disk_failure(error, Path(out.name) / ARTEFACTS) from error


def _place(source: Path, destination: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
    try:
        shutil.copytree(source, scratch / "new")
        if destination.exists():
            destination.rename(scratch / "old")
        (scratch / "new").rename(destination)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
