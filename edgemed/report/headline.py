"""The verdict in one sentence, and what it does not say."""

from __future__ import annotations

from dataclasses import dataclass

from edgemed.report.cases import cases
from edgemed.report.numerals import NO_BREAK, count, ratio, ratio_interval
from edgemed.report.tables import columns_of
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.verdict import AgreementFigures


@dataclass(frozen=True)
class Headline:
    sentence: str
    caveat: str


def headline(compilation: Compilation) -> Headline:
    """What is kept, how long it takes beside the original, how near to it. Never a claim of proof."""
    best = compilation.candidate(compilation.best)
    if best is None:
        return Headline(_nothing_kept(compilation), "Nothing was written that a device should run.")
    near, where = _nearness(compilation, best)
    if f"{best.backend} {best.precision}" == compilation.original.runtime:
        found = ["it is the original itself, and nothing else that agrees is faster"]
    else:
        found = [each for each in (_speed(best), near) if each]
    sentence = f"{best.id} is kept" + (": " + ", and ".join(found) if found else "") + "."
    caveat = (
        f"This is agreement with the original on {where}, not a proof that the artefact is no worse, and no "
        "statement on clinical use."
    )
    if not any(each.labelled for each in best.accept_agreement or best.select_agreement or ()):
        caveat = "There were no labels, so nothing is known of its accuracy. " + caveat
    return Headline(sentence, caveat)


def _nothing_kept(compilation: Compilation) -> str:
    failed = sum(each.status == "failed" for each in compilation.candidates)
    total = len(compilation.candidates)
    if not total:
        return "No candidate was built."
    if failed == total:
        return f"No candidate is kept: none of the {total} could be built."
    return f"No candidate is kept: of {total}, {total - failed} were dropped and {failed} could not be built."


def _speed(best: CandidateResult) -> str:
    if best.ratio is None:
        return ""
    span = ratio_interval(best.ratio)
    bounds = f" (95{NO_BREAK}% interval {span})" if span else ""
    if best.ratio.faster:
        return f"it takes {ratio(best.ratio)} of the original's time{bounds}"
    return f"it is not faster than the original beyond noise, with {ratio(best.ratio)} of its time{bounds}"


def _nearness(compilation: Compilation, best: CandidateResult) -> tuple[str, str]:
    found = best.accept_agreement or best.select_agreement
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
