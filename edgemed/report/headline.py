"""The outcome in one sentence, and what it does not say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgemed.report.cases import cases
from edgemed.report.grounds import sentence as verdict_sentence
from edgemed.report.numerals import NO_BREAK, count, ratio, ratio_interval
from edgemed.report.proof import failed, proven, shortfall, standing
from edgemed.report.tables import columns_of
from edgemed.report.unknowns import enumerated, not_executed, whose_times
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.figures import AgreementFigures

_MOST_NAMED = 4
"""Artefacts that the caveat names; the table marks each."""


@dataclass(frozen=True)
class Headline:
    sentence: str
    caveat: str


def headline(compilation: Compilation) -> Headline:
    """What is kept, what is proven of it or how near it is to the original, and how long it takes."""
    kept = [each for each in compilation.candidates if each.status == "kept"]
    if not kept:
        nothing = f"{shortfall(compilation)} Nothing was written that a device should run."
        return Headline(_nothing_kept(compilation), nothing.strip())
    best = compilation.candidate(compilation.best)
    sentence = _all_unmeasured(compilation, kept) if best is None else _best(compilation, best, kept)
    return Headline(sentence, _caveat(compilation, best or _least_near(kept), kept))


def _best(compilation: Compilation, best: CandidateResult, kept: Sequence[CandidateResult]) -> str:
    near, _ = _nearness(compilation, best)
    verdict = best.verdict if proven(best) else None
    some_unmeasured = any(each.unmeasured for each in kept)
    if f"{best.backend} {best.precision}" == compilation.original.runtime and not best.pruned:
        timed = " and could be timed" if some_unmeasured else ""
        passes = "is proven not worse" if failed(compilation) else "agrees"
        found = [f"it is the original itself, and nothing else that {passes}{timed} is faster"]
    elif verdict is not None:
        found = [verdict_sentence(verdict, compilation.model.outputs), *filter(None, [_speed(best)])]
    else:
        found = [each for each in (_speed(best), near) if each]
    title = f"{best.id} is kept" + (", the fastest of those that could be timed" if some_unmeasured else "")
    return title + (": " + ", and ".join(found) if found else "") + "."


def _all_unmeasured(compilation: Compilation, kept: Sequence[CandidateResult]) -> str:
    """All that agree are kept: the device has to tell which is the fastest."""
    least = _least_near(kept)
    near, _ = _nearness(compilation, least)
    if all(map(proven, kept)) and least.verdict is not None:
        near = verdict_sentence(least.verdict, compilation.model.outputs)
        if len(kept) > 1:
            return (
                f"{len(kept)} artefacts are kept for {compilation.target}, none of them measured on it. Each "
                f"is {near}."
            )
    if len(kept) == 1:
        return f"{least.id} is kept for {compilation.target}, not measured on it" + (
            f": {near}." if near else "."
        )
    nearness = f" The least near is {least.id}: {near}." if near else ""
    return f"{len(kept)} artefacts are kept for {compilation.target}, none of them measured on it.{nearness}"


def _caveat(compilation: Compilation, told: CandidateResult, kept: Sequence[CandidateResult]) -> str:
    """What the sentence on `told` does not say."""
    parts = []
    if not any(each.labelled for each in _compared(told)):
        parts.append("There were no labels, so nothing is known of its accuracy.")
    if told.pruned and compilation.pruning is not None and compilation.pruning.unrecovered:
        parts.append(f"It is stamped: {compilation.pruning.unrecovered}.")
    for unknown in not_executed(kept):
        one = len(unknown.ids) == 1
        parts.append(
            f"{_named(unknown.ids)} {'was' if one else 'were'} never executed on the hardware: the answers "
            f"are those of {'its graph' if one else 'their graphs'} in {unknown.reason}."
        )
    timeless = [each.id for each in kept if each.unmeasured]
    if timeless:
        which = _named(timeless)
        if len(timeless) == len(kept):
            which = "what is kept"
        elif timeless == [each.id for each in kept if each.stand_in]:
            which = "them either"
        shown = f" (those below are {whose})" if (whose := whose_times(compilation)) else ""
        parts.append(
            f"No time on {compilation.target} is known of {which}{shown}: on the device edgemed-device tune "
            "finds the fastest."
        )
    _, where = _nearness(compilation, told)
    parts.append(standing(compilation, told, kept, where))
    return " ".join(parts)


def _named(ids: Sequence[str]) -> str:
    return enumerated(ids) if len(ids) <= _MOST_NAMED else f"{len(ids)} artefacts, marked below,"


def _least_near(kept: Sequence[CandidateResult]) -> CandidateResult:
    """The one whose decisions, else whose values, follow the original's least."""
    return min(kept, key=lambda each: min(map(_closeness, _compared(each)), default=(1.0, math.inf)))


def _closeness(figures: AgreementFigures) -> tuple[float, float]:
    snr = -math.inf if figures.snr_db is None else figures.snr_db
    return _agreeing(figures), math.inf if figures.identical else snr


def _compared(candidate: CandidateResult) -> tuple[AgreementFigures, ...]:
    return candidate.accept_agreement or candidate.select_agreement or ()


def _nothing_kept(compilation: Compilation) -> str:
    broken = sum(each.status == "failed" for each in compilation.candidates)
    total = len(compilation.candidates)
    if not total:
        return "No candidate was built."
    if broken == total:
        return f"No candidate is kept: none of the {total} could be built."
    if shortfall(compilation):
        return "No candidate is kept, for none is proven not worse than the original."
    return f"No candidate is kept: of {total}, {total - broken} were dropped and {broken} could not be built."


def _speed(best: CandidateResult) -> str:
    if best.ratio is None:
        return ""
    span = ratio_interval(best.ratio)
    bounds = f" (95{NO_BREAK}% interval {span})" if span else ""
    if best.ratio.faster:
        return f"it takes {ratio(best.ratio)} of the original's time{bounds}"
    return f"it is not faster than the original beyond noise, with {ratio(best.ratio)} of its time{bounds}"


def _nearness(compilation: Compilation, best: CandidateResult) -> tuple[str, str]:
    found = _compared(best)
    if not found:
        return "", "no common cases"
    where = cases(found[0].n, "accept" if best.accept_agreement else compilation.compared_on)
    decided = [each for each in found if each.decisions is not None and each.decisions.value is not None]
    if decided:
        least = min(decided, key=_agreeing)
        return _decided(least, columns_of(least, compilation), where), where
    if all(each.identical for each in found):
        return f"its outputs equal the original's on {where}", where
    worst = min((each.snr_db for each in found if each.snr_db is not None), default=0.0)
    return f"its values follow the original's with an SNR of {worst:.1f} dB on {where}", where


def _decided(figures: AgreementFigures, columns: int, where: str) -> str:
    """`columns` decisions are made on each case."""
    share = figures.decisions
    if share is None or share.value is None:
        return ""
    total = figures.n * columns
    same = "all" if not figures.flip_count else f"{count(total - figures.flip_count)} of"
    if columns == 1:
        return f"it decides {same} {where} as the original does"
    least = f"on {share.label}, which agrees least, {count(round(share.value * share.n))} of {count(share.n)}"
    return (
        f"it makes {same} {count(total)} decisions as the original does, {columns} on each of {where}"
        f"{f' ({least})' if figures.flip_count else ''}"
    )


def _agreeing(figures: AgreementFigures) -> float:
    share = figures.decisions
    return 1.0 if share is None or share.value is None else share.value
