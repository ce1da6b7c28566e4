"""Artefact: a folder with `manifest.json`, one runtime's files and golden cases. Reading and checking it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.errors import BadInput, Untrusted
from edgemed.runtime.golden import GoldenCases
from edgemed.types import FORMAT_VERSION, Manifest, digest_of_file
from edgemed.types.manifest import VERDICT_FILE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgemed.types import Verdict

MANIFEST_FILE = "manifest.json"
ARTEFACTS = "artefacts"
"""Holds the artefact folders that a compile kept, in its output folder."""


def is_artefact(folder: Path) -> bool:
    return (folder / MANIFEST_FILE).is_file()


def artefacts_below(out: Path) -> list[Path]:
    """The artefact folders of an output folder, in order: not those that were being written when a process
    ended, whose names begin with a dot."""
    shelf = out / ARTEFACTS
    inside = shelf.iterdir() if shelf.is_dir() else ()
    return sorted(folder for folder in inside if folder.name[0] != "." and is_artefact(folder))


def read_manifest(folder: Path) -> Manifest:
    """Read and check `manifest.json`.

    Raises `BadInput` when there is none or it cannot be read, `Untrusted` when it is broken.
    """
    path = folder / MANIFEST_FILE
    if path.is_file() and (folder / ARTEFACTS).is_dir():
        raise BadInput(
            "an unpacked bundle: what is signed is the one file",
            where=str(folder),
            remedy=f"give the .edgemed file, or a folder under {folder / ARTEFACTS}",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(
            "not an artefact: there is no manifest.json" if folder.exists() else "no such file or folder",
            where=str(folder),
            remedy="give a bundle, or a folder under artefacts/ of a compile's output",
        ) from None
    except OSError as error:
        raise BadInput(f"manifest.json cannot be read: {error.strerror}", where=str(folder)) from None
    except UnicodeDecodeError:
        raise Untrusted("manifest.json is not text", where=str(folder)) from None
    try:
        manifest = Manifest.from_json(text, where=str(path))
    except BadInput as error:
        where = error.where if error.where.startswith(str(path)) else f"{path}: {error.where}"
        raise Untrusted(f"manifest.json is broken: {error.problem}", where=where) from None
    if manifest.format_version != FORMAT_VERSION:
        raise Untrusted(
            f"format version {manifest.format_version}; this edgemed reads {FORMAT_VERSION}",
            where=str(path),
            remedy="pip install --upgrade edgemed",
        )
    return manifest


def read_verdict(folder: Path, manifest: Manifest) -> Verdict | None:
    """The verdict that ships with an artefact, None where it was not judged.

    Raises `Untrusted` where it cannot be read or is one of another artefact.
    """
    if VERDICT_FILE not in manifest.files:
        return None
    from edgemed.types import Verdict

    path = folder / VERDICT_FILE
    try:
        verdict = Verdict.from_json(path.read_text(encoding="utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError, BadInput) as error:
        raise Untrusted(f"{VERDICT_FILE} cannot be read: {error}", where=str(folder)) from None
    _check_bound(folder, manifest)
    return verdict


def _check_bound(folder: Path, manifest: Manifest) -> None:
    """By one key alone: what else a later edgemed writes into a verdict is no concern of a device."""
    try:
        named = json.loads((folder / VERDICT_FILE).read_text(encoding="utf-8"))["artefact"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        named = None
    if named != manifest.judged:
        raise Untrusted(
            f"{VERDICT_FILE} is the verdict of another artefact: a file or {MANIFEST_FILE} (its outputs, "
            "threshold or threads) is not what was judged",
            where=str(folder),
            remedy="compile again",
        )


def golden_inputs(folder: Path, cases: int) -> dict[str, NDArray[Any]]:
    """The first golden cases of an artefact as a batch: {input: (cases, *shape)}. Raises `Untrusted`."""
    manifest = read_manifest(folder)
    rows = [inputs for inputs, _ in islice(GoldenCases(folder, manifest.inputs, manifest.outputs), cases)]
    return {spec.name: np.concatenate([row[spec.name] for row in rows]) for spec in manifest.inputs}


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest: none missing, none more, none changed.

    Raises `Untrusted` there, and where the verdict is one of another artefact.
    """
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    expected = {*manifest.files, MANIFEST_FILE}
    for name in sorted(expected - present):
        raise Untrusted(f"{name} is missing", where=str(folder), remedy="compile again")
    for name in sorted(present - expected):
        raise Untrusted(f"{name} is not in the manifest", where=str(folder))
    for name, sha256 in manifest.files.items():
        try:
            digest = digest_of_file(folder / name)
        except OSError as error:
            raise Untrusted(f"{name} cannot be read: {error.strerror}", where=str(folder)) from None
        if digest != sha256:
            raise Untrusted(
                f"{name} is not the file that was judged", where=str(folder), remedy="compile again"
            )
    if VERDICT_FILE in manifest.files:
        _check_bound(folder, manifest)
