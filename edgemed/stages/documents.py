"""What a bundle holds beside artefacts: `model_card.md`, `sbom.cdx.json` and the model's licences."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgemed.bundle.entry_name import is_plain
from edgemed.bundle.manifest import LICENCES, MODEL_CARD, SBOM
from edgemed.disk import disk_failure, write_whole
from edgemed.errors import BadInput
from edgemed.report.model_card import model_card
from edgemed.stages.artefacts import Built
from edgemed.stages.job import Job
from edgemed.stages.sbom import sbom
from edgemed.types import CardSpec, Recipe

DOCUMENTS = (MODEL_CARD, SBOM)
_LARGEST = 1 << 20
"""Bytes of a licence's text."""


def check_card(recipe: Recipe, base: Path) -> None:
    """Raises `BadInput` where the licence is no SPDX expression, or a text of it cannot ship."""
    card = recipe.card
    if problem := _spdx_problem(card.licence):
        raise BadInput(
            f"{card.licence!r} is no SPDX licence expression: {problem}",
            where="card.licence",
            remedy='write one such as "CC-BY-4.0", or a name of your own: "LicenseRef-NAME"',
        )
    names = [Path(each).name for each in card.licence_files]
    for given, name in zip(card.licence_files, names, strict=True):
        where, path = f"card.licence_files ({given})", base / given
        if not is_plain(name) or names.count(name) > 1:
            raise BadInput(
                f"{name!r} cannot be a name in the bundle, or is there twice", where=where, remedy="rename it"
            )
        try:
            size = path.stat().st_size
            if size <= _LARGEST:
                path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = (
                error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
            )
            raise BadInput(f"cannot be read: {problem}", where=where) from None
        if size > _LARGEST:
            raise BadInput(f"{size} bytes, at most {_LARGEST} ship", where=where)


def write_documents(job: Job, built: Mapping[str, Built], kept: Iterable[str]) -> None:
    """Of what is kept; nothing where nothing is. Raises `ToolFailure` where the disk refuses."""
    names = sorted(kept)
    card = job.recipe.card
    try:
        _remove(job.out)
        if not names:
            return
        artefacts = {name: (built[name].manifest, built[name].verdict) for name in names}
        write_whole(job.out / MODEL_CARD, model_card(card, artefacts))
        write_whole(job.out / SBOM, sbom({name: each for name, (each, _) in artefacts.items()}, card))
        _write_licences(job, card)
    except OSError as error:
        raise disk_failure(error, job.shown_out) from None


def _write_licences(job: Job, card: CardSpec) -> None:
    folder = job.out / LICENCES
    if card.licence_files:
        folder.mkdir()
    for given in card.licence_files:
        write_whole(folder / Path(given).name, (job.base / given).read_bytes())


def _remove(out: Path) -> None:
    for name in DOCUMENTS:
        (out / name).unlink(missing_ok=True)
    if (out / LICENCES).is_dir():
        shutil.rmtree(out / LICENCES)


def _spdx_problem(expression: str) -> str:
    """Empty where it is one, or there is none."""
    if not expression:
        return ""
    from license_expression import ExpressionError, get_spdx_licensing

    licensing = get_spdx_licensing()
    try:
        unknown = [
            each for each in licensing.unknown_license_keys(expression) if not each.startswith("LicenseRef-")
        ]
    except ExpressionError as error:
        return str(error)
    return f"unknown: {', '.join(unknown)}" if unknown else ""
