"""Chooses, per runtime, the fastest candidate that agrees with the original on the selection set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edgemed.judge import faster, meets, percentiles
from edgemed.judge.limits import missed_limits
from edgemed.report.numerals import significant
from edgemed.stages.artefacts import ORIGINAL, Candidate
from edgemed.types import Agreement, AgreementFigures, Limits, SpeedRatio

Latencies = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Choice:
    """What is kept per backend, why each candidate was kept or dropped, and all that agree.

    One is kept where all were measured on the target; where none was, all that agree.
    """

    kept: dict[str, tuple[str, ...]]
    reasons: dict[str, str]
    agreeing: frozenset[str]


def missed_by(
    candidates: Sequence[Candidate],
    limits: Limits,
    latencies: Latencies,
    costs: Mapping[str, tuple[float, float]],
) -> dict[str, tuple[str, ...]]:
    """The target's limits that each candidate misses that was measured on it, in words, by its id."""
    return {
        each.id: missed_limits(limits, percentiles(latencies[each.id]), costs[each.id][1])
        for each in candidates
        if each.id in latencies and not each.unmeasured
    }


def choose(
    candidates: Sequence[Candidate],
    figures: Mapping[str, tuple[AgreementFigures, ...]],
    latencies: Latencies,
    limits: Agreement,
    labelled: bool,
    missed: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Choice:
    """Per backend: of those that agree and are faster than its fp32 beyond noise, the fastest; else its fp32.

    Where fp32 does not agree, the fastest of those that do. Candidates that are `unmeasured` are all kept
    that agree: the target decides, not their times here. `latencies` are (launches, rounds) by candidate id,
    the original's among them; in each launch all took turns. A candidate that is not in it and not judged by
    a stand-in has failed. `missed` are the target's limits that a candidate misses, in words: it is not kept.
    """
    kept: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, str] = {}
    all_agreeing: list[str] = []
    for backend in dict.fromkeys(each.backend for each in candidates):
        agreeing: list[Candidate] = []
        for candidate in candidates:
            works = candidate.id in (figures if candidate.stand_in else latencies)
            if candidate.backend != backend or not works:
                continue
            agrees, sentence = meets(limits, figures[candidate.id], labelled)
            reasons[candidate.id] = ("agrees: " if agrees else "does not agree: ") + sentence
            if missed.get(candidate.id):
                beyond = "; ".join(missed[candidate.id])
                reasons[candidate.id] = f"misses the target's limits ({beyond}); {reasons[candidate.id]}"
            elif agrees:
                agreeing.append(candidate)
        if not agreeing:
            continue
        all_agreeing += [each.id for each in agreeing]
        unmeasured = [each for each in agreeing if each.unmeasured]
        if unmeasured:
            kept[backend] = tuple(each.id for each in unmeasured)
            continue
        fp32 = next((each for each in agreeing if each.precision == "fp32" and not each.pruned), None)
        base = latencies[(fp32 or ORIGINAL).id]
        ratios = {each: faster(base, latencies[each.id]) for each in agreeing}
        able = [each for each in agreeing if fp32 in (None, each) or ratios[each].faster]
        winner = min(able, key=lambda each: ratios[each].ratio)
        kept[backend] = (winner.id,)
        for candidate in agreeing:
            reasons[candidate.id] = _why(candidate, winner, fp32, ratios) + "; " + reasons[candidate.id]
    return Choice(kept, reasons, frozenset(all_agreeing))


def _why(
    candidate: Candidate, winner: Candidate, fp32: Candidate | None, ratios: Mapping[Candidate, SpeedRatio]
) -> str:
    if candidate == winner:
        if candidate == fp32:
            return f"nothing else on {candidate.backend} that agrees is faster beyond noise"
        return f"fastest on {candidate.backend}"
    base = (fp32 or ORIGINAL).id
    if candidate == fp32:
        return f"{winner.id} is faster: {_shown(ratios[winner], base)}"
    if fp32 is not None and not ratios[candidate].faster:
        return f"not faster than fp32 beyond noise: {_shown(ratios[candidate], base)}"
    return f"slower than {winner.id} (ratio {ratios[winner].ratio:.2f}): {_shown(ratios[candidate], base)}"


def _shown(ratio: SpeedRatio, base: str) -> str:
    interval = "" if ratio.low is None else f" (95 % {ratio.low:.2f} to {ratio.high:.2f})"
    return (
        f"{significant(ratio.candidate_ms)} ms against {significant(ratio.baseline_ms)} ms of {base}, "
        f"ratio {ratio.ratio:.2f}{interval}"
    )
