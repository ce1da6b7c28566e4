"""What the headline says of verdicts: what is proven, what is kept without it, what failed for want of it."""

from __future__ import annotations

from collections.abc import Sequence

from edgemed.report.grounds import GATE_OFF, NOT_JUDGED, sentence, short, whole_sentence
from edgemed.report.openings import optimism
from edgemed.report.unknowns import enumerated
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.verdict import Verdict

_MOST_TOLD = 2
"""Candidates whose verdict the headline tells; the section has all."""
_MOST_GROUNDS = 2


def proven(candidate: CandidateResult) -> bool:
    return candidate.verdict is not None and candidate.verdict.outcome == "proven"


def failed(compilation: Compilation) -> list[str]:
    """Ids of those that the verdict refused."""
    return [] if GATE_OFF in compilation.stamps else [id for id, _ in _unproven(compilation, "dropped")]


def shortfall(compilation: Compilation) -> str:
    """Why no candidate was proven: the margin that each failed by, or the cases that it would take."""
    if GATE_OFF in compilation.stamps:
        return ""
    refused = _unproven(compilation, "dropped")
    told = [f"{id} is {_told(compilation, verdict)}." for id, verdict in refused[:_MOST_TOLD]]
    if len(refused) > _MOST_TOLD:
        told.append(f"The section on verdicts has {len(refused) - _MOST_TOLD} more.")
    return " ".join(told)


def _unproven(compilation: Compilation, status: str) -> list[tuple[str, Verdict]]:
    return [
        (each.id, each.verdict)
        for each in compilation.candidates
        if each.verdict is not None and each.status == status and not proven(each)
    ]


def _told(compilation: Compilation, verdict: Verdict) -> str:
    return sentence(verdict, compilation.model.outputs, _MOST_GROUNDS)


def standing(
    compilation: Compilation, told: CandidateResult, kept: Sequence[CandidateResult], where: str
) -> str:
    """What stands behind `told`, of which the headline speaks, and all that is `kept`; `where` it agrees."""
    parts = []
    if GATE_OFF in compilation.stamps:
        parts += [
            f"The gate is off: {id} is kept although it is {_told(compilation, verdict)}."
            for id, verdict in _unproven(compilation, "kept")[:_MOST_TOLD]
        ]
    if refused := failed(compilation):
        shown = enumerated(refused) if len(refused) <= _MOST_TOLD else f"{len(refused)} candidates"
        parts.append(f"Not proven and so not kept: {shown}.")
    verdicts = [each.verdict for each in kept if each.verdict is not None]
    latest = max(verdicts, key=lambda each: each.opening, default=None)
    if latest is not None and (optimistic := optimism(latest)):
        parts.append(whole_sentence(optimistic))
    verdict = told.verdict
    if verdict is not None and all(map(proven, [told] if compilation.best else kept)):
        parts.append(
            "Proven says that of these cases and these margins, and no more. It is for this file alone "
            f"(digest {short(verdict.artefact)}…). It is no statement on clinical use."
        )
    else:
        judged = "It was not judged, for want of a labelled acceptance set. "
        what = "the artefact is" if len(kept) == 1 or compilation.best else "an artefact is"
        parts.append(
            f"{judged if NOT_JUDGED in compilation.stamps else ''}This is agreement with the original on "
            f"{where}, not a proof that {what} no worse, and no statement on clinical use."
        )
    return " ".join(parts)
