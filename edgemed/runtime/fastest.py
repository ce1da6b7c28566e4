"""Which artefact of a compile's output folder is the fastest on this machine, as a tune measured it here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.backends import get_backend
from edgemed.errors import BadInput
from edgemed.runtime.artefact import MANIFEST_FILE
from edgemed.runtime.host import host_facts
from edgemed.types import digest_of_file

if TYPE_CHECKING:
    from edgemed.types.tuned import Tuned

TUNED_FILE = "tuned.json"
_OF_THE_SOFTWARE = {"python"}
"""Facts of a host that change while the machine stays the same."""


def read_tuned(path: Path) -> Tuned:
    """A `tuned.json`. Raises `BadInput` where no tune of this edgemed wrote it."""
    from edgemed.types.tuned import Tuned

    try:
        return Tuned.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, BadInput):
        raise BadInput(
            "no tune of this edgemed wrote this file",
            where=str(path),
            remedy=f"remove it, then edgemed-device tune {path.parent}",
        ) from None


def fastest_here(folder: Path) -> Path | None:
    """The artefact folder that `tuned.json` of an output folder names; None where there is no such file.

    Raises `BadInput` where it does not hold: it was measured on another machine or by another version of the
    runtime, the artefact is no longer what was measured, or none keeps to the limits.
    """
    file = folder / TUNED_FILE
    if not file.exists():
        return None
    tuned = read_tuned(file)
    again = f"edgemed-device tune {folder}, or give an artefact's own folder"
    difference = _difference(tuned.host)
    if difference:
        problem = f"the artefacts were measured on another machine ({difference})"
        raise BadInput(problem, where=str(file), remedy=again)
    if tuned.best is None:
        problem = "no artefact kept to the limits when they were measured here"
        remedy = f"edgemed-device tune {folder} with other limits, or give an artefact's own folder"
        raise BadInput(problem, where=str(file), remedy=remedy)
    found = folder / tuned.best
    manifest = found / MANIFEST_FILE
    best = tuned.artefacts[tuned.best]
    if not manifest.is_file() or digest_of_file(manifest) != best.manifest:
        raise BadInput(f"{tuned.best} is not what was measured", where=str(file), remedy=again)
    there, here = tuned.tools.get(best.backend), get_backend(best.backend).availability().version
    if there != here:
        problem = f"{tuned.best} was measured with {best.backend} {there or 'unknown'}, here {here or 'none'}"
        raise BadInput(problem, where=str(file), remedy=again)
    return found


def _difference(host: dict[str, str]) -> str:
    """The first fact that tells the machine of a tune from this one; empty where none does."""
    for fact, here in host_facts().items():
        if fact not in _OF_THE_SOFTWARE and host.get(fact) != here:
            return f"{fact}: {host.get(fact) or 'unknown'}, here {here or 'unknown'}"
    return ""
