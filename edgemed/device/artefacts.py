"""Which artefacts a command line means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgemed.errors import BadInput
from edgemed.runtime import ARTEFACTS, is_artefact

_REMEDY = "give the folder in which artefacts/ lies, or the artefacts' own folders"


def find_artefacts(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Artefact folders, each once: `paths` themselves, or those under their artefacts/. Raises `BadInput`."""
    found: dict[Path, Path] = {}
    for path in paths:
        for folder in (path,) if is_artefact(path) else _inside(path):
            found.setdefault(folder.resolve(), folder)
    return tuple(found.values())


def _inside(path: Path) -> list[Path]:
    if not path.is_dir():
        raise BadInput("no such folder", where=str(path), remedy=_REMEDY)
    shelf = path / ARTEFACTS
    folders = sorted(each for each in shelf.iterdir() if is_artefact(each)) if shelf.is_dir() else []
    if not folders:
        raise BadInput(
            "no artefact here: no manifest.json in it or in a folder under its artefacts/",
            where=str(path),
            remedy=_REMEDY,
        )
    return folders
