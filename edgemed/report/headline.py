"""The verdict in one sentence, and what it does not say."""

from __future__ import annotations

from dataclasses import dataclass

from edgemed.report.numerals import NO_BREAK, count, significant, times_interval
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.verdict import AgreementFigures


@dataclass(frozen=True)
class Headline:
    sentence: str
    caveat: str
    kept: bool


def headline(compilation: Compilation) -> Headline:
    """What is kept, how much faster than the original, how near to it. Never a claim of proof."""
    best = compilation.candidate(compilation.best)
    if best is None:
        return Headline(_nothing_kept(compilation), "Nothing was written that a device should run.", False)
    near, where = _nearness(best)
    if f"{best.backend} {best.precision}" == compilation.original.runtime:
        found = ["it is the original itself, and nothing that agrees beat it"]
    else:
        found = [each for each in (_speed(best), near) if each]
    sentence = f"{best.id} is kept" + (": " + ", and ".join(found) if found else "") + "."
    caveat = (
        f"This is agreement with the original on {where}, not a proof that the artefact is no worse, and no "
        "statement on clinical use."
    )
    if not any(each.labelled for each in best.accept_agreement or best.select_agreement or ()):
        caveat = "There were no labels, so nothing is known of its accuracy. " + caveat
    return Headline(sentence, caveat, True)


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
    span = times_interval(best.ratio)
    bounds = f" (95{NO_BREAK}% interval {span})" if span else ""
    pace = significant(1 / best.ratio.ratio)
    if best.ratio.faster:
        return f"it runs {pace} times as fast as the original{bounds}"
    return f"it is not faster than the original beyond noise, at {pace} times its speed{bounds}"


def _nearness(best: CandidateResult) -> tuple[str, str]:
    role = "acceptance" if best.accept_agreement else "selection"
    found = best.accept_agreement or best.select_agreement
    if not found:
        return "", "no common cases"
    where = f"{count(found[0].n)} {role} cases"
    decided = [each for each in found if each.decisions is not None and each.decisions.value is not None]
    if decided:
        return _decided(min(decided, key=_agreeing), role), where
    worst = min(found, key=lambda each: float("inf") if each.snr_db is None else each.snr_db)
    if worst.snr_db is None:
        return f"its outputs equal the original's on {where}", where
    return f"its values follow the original's with an SNR of {worst.snr_db:.1f} dB on {where}", where


def _decided(figures: AgreementFigures, role: str) -> str:
    share = figures.decisions
    if share is None or share.value is None:
        return ""
    same = round(share.value * share.n)
    if same == share.n:
        return f"it decides all {count(share.n)} {role} cases as the original does"
    return f"it decides {count(same)} of {count(share.n)} {role} cases as the original does"


def _agreeing(figures: AgreementFigures) -> float:
    share = figures.decisions
    return 1.0 if share is None or share.value is None else share.value
