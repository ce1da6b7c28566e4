"""Finds the artefact that a path on the command line means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.types import Compilation

REPORT = "report.json"
CACHE = ".cache"
"""A compile that began has made it; the report comes last."""


def read_compilation(folder: Path) -> Compilation:
    """The `report.json` of a compile's output folder."""
    from edgemed.runtime import ARTEFACTS
    from edgemed.types import Compilation

    try:
        text = (folder / REPORT).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput(
            "report.json is not text", where=str(folder), remedy="run the same edgemed compile again"
        ) from None
    except OSError:
        if (folder / CACHE).is_dir():
            raise BadInput(
                "there is no report here: this compile has not ended, or was refused or interrupted",
                where=str(folder),
                remedy="give the same edgemed compile: it tells what is wrong, finished stages are reused",
            ) from None
        if (folder / ARTEFACTS).is_dir():
            raise BadInput(
                "artefacts without their compile's report (report.json)",
                where=str(folder),
                remedy=f"edgemed-device tune {folder}, or give an artefact's own folder",
            ) from None
        raise BadInput(
            "neither an artefact (manifest.json) nor a compile's output (report.json)",
            where=str(folder),
            remedy="edgemed compile recipe.toml -o OUT, then give OUT or OUT/artefacts/NAME",
        ) from None
    return Compilation.from_json(text, where=str(folder / REPORT))


def artefact_folder(path: Path) -> Path:
    """What `chosen_artefact` gives, without who chose it."""
    return chosen_artefact(path)[0]


def chosen_artefact(path: Path) -> tuple[Path, str]:
    """`path` itself, or the fastest artefact of a compile's output folder and who chose it.

    What a tune measured on this machine, as `tuned.json` in the folder tells, comes before the compile's own
    choice. Raises `BadInput`.
    """
    from edgemed.runtime import ARTEFACTS, TUNED_FILE, fastest_here, is_artefact

    if is_artefact(path):
        return path, ""
    tuned = fastest_here(path)
    if tuned is not None:
        return tuned, f"edgemed-device tune ({TUNED_FILE})"
    result = read_compilation(path)
    if result.best is not None:
        return path / ARTEFACTS / result.best, "the compile"
    if not result.kept:
        raise BadInput("this compile kept no artefact", where=str(path), remedy="see its report.html")
    raise BadInput(
        f"which artefact is the fastest is not known: none was measured on {result.target}",
        where=str(path),
        remedy=f"edgemed-device tune {path} on the device, or give one of them, such as "
        f"{path / ARTEFACTS / result.kept[0]}",
    )
