"""The verdict of each candidate that was tried on the acceptance set, laid out as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgemed.report.grounds import (
    GATE_OFF,
    NO_MARGIN,
    NOT_JUDGED,
    between,
    deciders,
    margin_of,
    needed,
    sentence,
    several_outputs,
    short,
    spec_of,
    title_of,
    whole_sentence,
)
from edgemed.report.numerals import NO_BREAK, NONE, change, count, measured, share
from edgemed.report.tables import TITLES
from edgemed.report.unknowns import enumerated
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.tensor import OutputSpec
from edgemed.types.verdict import Difference, LimitsOfAgreement, Outcome, Verdict

MOST_OPEN = 16
"""A table of more rows than that is folded."""
MOST_TOLD = 4
"""Of what stands in the way, and of subgroups."""
NEVER = 1e-9
OUTCOMES: dict[Outcome, str] = {
    "proven": "each interval of a difference that has a margin lies above minus that margin: not worse than "
    "the original within these margins on these cases.",
    "refuted": "some interval lies wholly below minus its margin: worse than the original by more than that.",
    "not provable": "neither, at this number of cases: nothing is shown either way, and it is never a pass.",
}
"""What each outcome means."""


@dataclass(frozen=True)
class DifferenceRow:
    it: Difference
    title: str
    original: str
    artefact: str
    difference: str
    between: str
    margin: str
    counted: str
    """Cases that only the artefact, and only the original, has right."""
    claim_false: str
    note: str
    """Why it is not known, or the cases that it would take."""


@dataclass(frozen=True)
class LimitsRow:
    title: str
    it: LimitsOfAgreement


@dataclass(frozen=True)
class CandidateSection:
    """One candidate's part of it. `deciding`, `others` and `subgroups` are all differences of its verdict."""

    it: CandidateResult
    verdict: Verdict
    sentence: str
    bound: str
    nearest: str
    deciding: tuple[DifferenceRow, ...]
    others: tuple[DifferenceRow, ...]
    subgroups: tuple[DifferenceRow, ...]
    refuted_subgroups: str
    limits: tuple[LimitsRow, ...]
    methods: str
    folded: bool


@dataclass(frozen=True)
class VerdictSection:
    """`interval` is the level of all intervals, `error` the most that may be called proven and is not."""

    candidates: tuple[CandidateSection, ...]
    interval: str
    alpha: str
    error: str
    not_judged: bool
    gate_off: bool


def verdict_section(compilation: Compilation) -> VerdictSection | None:
    """None where nothing was judged and nothing says that it should have been. Kept ones come first."""
    found = [each for each in compilation.candidates if each.verdict is not None]
    stamps = compilation.stamps
    if not found and NOT_JUDGED not in stamps:
        return None
    found.sort(key=lambda each: (each.status != "kept", each.id != compilation.best))
    specs = compilation.model.outputs
    sections = tuple(_section(each, each.verdict, specs) for each in found if each.verdict is not None)
    alpha = sections[0].verdict.alpha if sections else 0.0
    return VerdictSection(
        sections,
        f"{100 * (1 - 2 * alpha):.4g}{NO_BREAK}%",
        f"{alpha:.4g}",
        f"{1000 * alpha:.4g} of 1000",
        NOT_JUDGED in stamps,
        GATE_OFF in stamps,
    )


def _section(candidate: CandidateResult, verdict: Verdict, specs: Sequence[OutputSpec]) -> CandidateSection:
    whole = [each for each in verdict.differences if not each.subgroup]
    return CandidateSection(
        candidate,
        verdict,
        whole_sentence(sentence(verdict, specs, MOST_TOLD)),
        _bound(verdict),
        _nearest(verdict, specs),
        tuple(_row(each, specs) for each in verdict.deciding),
        tuple(_row(each, specs) for each in whole if each.outcome is None),
        tuple(_row(each, specs) for each in verdict.differences if each.subgroup),
        refuted_subgroups(verdict),
        tuple(_limits_row(each, specs) for each in verdict.limits),
        _methods(verdict.differences),
        len(whole) > MOST_OPEN,
    )


def refuted_subgroups(verdict: Verdict) -> str:
    """A warning where a difference of some subgroup lies beyond its margin; empty where none does."""
    found = [each for each in verdict.differences if each.subgroup and each.outcome == "refuted"]
    if not found:
        return ""
    told = [
        f"{title_of(each, output=several_outputs(verdict))} in {each.subgroup} "
        f"({change(each.metric, each.difference)}, {between(each)}; {count(each.n)} cases)"
        for each in found[:MOST_TOLD]
    ]
    more = f" and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    return (
        f"worse by more than the margin: {enumerated(told) if not more else ', '.join(told)}{more}. That "
        "decides nothing, since among many subgroups some differ by chance; look at these cases before use."
    )


def _bound(verdict: Verdict) -> str:
    parts = []
    if verdict.artefact:
        parts.append(f"It is for the artefact with the digest {short(verdict.artefact)}… and no other file.")
    if verdict.executed_by:
        parts.append(f"Answers by {verdict.executed_by}.")
    if verdict.opening > 1:
        parts.append(f"It comes from opening {verdict.opening} of those below.")
    return " ".join([*parts, *map(whole_sentence, verdict.notes)])


def _nearest(verdict: Verdict, specs: Sequence[OutputSpec]) -> str:
    """The difference with the least room to its margin, or the farthest beyond it."""
    if not verdict.deciding:
        return NO_MARGIN
    least = deciders(verdict)[0]
    title = title_of(least, output=several_outputs(verdict))
    if least.low is None:
        return f"{title} is not known"
    return f"{title}: lower bound {change(least.metric, least.low)}, margin {margin_of(least, specs)}"


def _limits_row(each: LimitsOfAgreement, specs: Sequence[OutputSpec]) -> LimitsRow:
    names = ([each.output] if len(specs) > 1 or not each.mean.label else []) + [each.mean.label]
    return LimitsRow(": ".join(filter(None, names)), each)


def _row(each: Difference, specs: Sequence[OutputSpec]) -> DifferenceRow:
    spec = spec_of(each, specs)
    unit = spec.unit if spec is not None and each.metric in ("mae", "bias", "rmse") else ""
    counted = (
        "" if each.better is None or each.worse is None else f"{count(each.better)} / {count(each.worse)}"
    )
    return DifferenceRow(
        each,
        title_of(each, output=len(specs) > 1),
        measured(each.metric, each.original, unit),
        measured(each.metric, each.artefact, unit),
        change(each.metric, each.difference) + (f"{NO_BREAK}{unit}" if unit else ""),
        between(each),
        "" if each.margin is None else margin_of(each, specs),
        counted,
        NONE if each.claim_false is None else _probability(each.claim_false),
        each.reason or needed(each, spec),
    )


def _probability(value: float) -> str:
    """Never 0 or 1: what so many cases leave of a flat prior is neither."""
    return share(min(max(value, NEVER), 1 - NEVER))


def _methods(differences: Sequence[Difference]) -> str:
    """`paired DeLong: AUC; Tango: sensitivity, specificity`."""
    uses: dict[str, dict[str, None]] = {}
    for each in differences:
        if each.method:
            uses.setdefault(each.method, {})[TITLES.get(each.metric, each.metric)] = None
    return "; ".join(f"{method}: {', '.join(names)}" for method, names in uses.items())
