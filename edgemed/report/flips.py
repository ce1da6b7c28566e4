"""Cases that an artefact decides otherwise than the original, kept or refused on the acceptance set."""

from __future__ import annotations

from dataclasses import dataclass

from edgemed.report.numerals import count
from edgemed.report.tables import columns_of, kept
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.figures import AgreementFigures, Flip
from edgemed.types.verdict import Outcome

MOST_REFUSED = 50
"""Rows of what is not kept."""


@dataclass(frozen=True)
class FlipTable:
    id: str
    output: str
    kept: bool
    outcome: Outcome | None
    """None where it was not judged."""
    count: int
    of: str
    """What the count is of: cases, or decisions where a case has several."""
    rows: tuple[Flip, ...]
    labels: bool
    targets: bool
    balance: str


def flip_tables(compilation: Compilation) -> list[FlipTable]:
    """Of each output with a flip, of what is kept and then of what was refused on the acceptance set."""
    refused = [each for each in compilation.candidates if each.status != "kept"]
    return [
        _table(candidate, found, compilation)
        for candidate in [*kept(compilation), *refused]
        for found in candidate.accept_agreement or ()
        if found.flips
    ]


def _table(candidate: CandidateResult, found: AgreementFigures, compilation: Compilation) -> FlipTable:
    keeps = candidate.status == "kept"
    rows = found.flips if keeps else found.flips[:MOST_REFUSED]
    return FlipTable(
        candidate.id,
        found.output,
        keeps,
        None if candidate.verdict is None else candidate.verdict.outcome,
        found.flip_count,
        _decisions_in(found, compilation),
        rows,
        any(flip.label for flip in rows),
        all(flip.target is not None for flip in rows),
        _balance(found),
    )


def _decisions_in(found: AgreementFigures, compilation: Compilation) -> str:
    """`600 cases`, or `1 800 decisions (600 cases, 3 labels)`."""
    columns = columns_of(found, compilation)
    if columns == 1:
        return f"{count(found.n)} cases"
    return f"{count(found.n * columns)} decisions ({count(found.n)} cases, {columns} labels)"


def _balance(found: AgreementFigures) -> str:
    if not found.labelled or found.flip_count > len(found.flips):
        return ""
    better = sum(flip.artefact == flip.target for flip in found.flips)
    worse = sum(flip.original == flip.target for flip in found.flips)
    return f"{better} to the right decision and {worse} away from it"
