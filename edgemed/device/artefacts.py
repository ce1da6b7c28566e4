"""Which artefacts a command line means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgemed.errors import BadInput
from edgemed.runtime import ARTEFACTS, artefacts_below, is_artefact
from edgemed.runtime.bundled import reasons_against, trusted_bundle, unpack_here

_REMEDY = "give the folder in which artefacts/ lies, or the artefacts' own folders"


def find_artefacts(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Artefact folders, each once: `paths` themselves, or those under their artefacts/. Raises `BadInput`."""
    found: dict[Path, Path] = {}
    for path in paths:
        for folder in (path,) if is_artefact(path) else _inside(path):
            found.setdefault(folder.resolve(), folder)
    return tuple(found.values())


def unbundled(paths: Sequence[Path]) -> list[Path]:
    """Each bundle as the folder that it is unpacked into, once it is trusted; folders as they are."""
    return [
        unpack_here(trusted_bundle(path, unsigned=False)[0]) if path.is_file() else path for path in paths
    ]


def the_one_of(path: Path, backend: str) -> Path:
    """The only artefact of that runtime in a bundle, which must be trusted; a folder as it is.

    Raises `BadInput` where there is none or another, and what keeps this machine from executing it.
    """
    if not path.is_file():
        return path
    bundle, _ = trusted_bundle(path, unsigned=False)
    reasons = {
        name: why
        for name, why in reasons_against(bundle.manifest).items()
        if bundle.manifest.artefacts[name].backend == backend
    }
    if not reasons:
        raise BadInput(f"no artefact for {backend} is in it", where=str(path))
    able = [name for name, why in reasons.items() if why is None]
    if not able:
        raise next(filter(None, reasons.values()))
    place = unpack_here(bundle) / ARTEFACTS / able[0]
    if len(able) > 1:
        raise BadInput(
            f"{len(able)} artefacts for {backend} are in it",
            where=str(path),
            remedy=f"give the folder of one, such as {place}",
        )
    return place


def _inside(path: Path) -> list[Path]:
    if not path.is_dir():
        raise BadInput("no such folder", where=str(path), remedy=_REMEDY)
    folders = artefacts_below(path)
    if not folders:
        raise BadInput(
            "no artefact here: no manifest.json in it or in a folder under its artefacts/",
            where=str(path),
            remedy=_REMEDY,
        )
    return folders
