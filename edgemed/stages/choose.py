"""Chooses, per runtime, the fastest candidate that agrees with the original on the selection set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgemed.judge import faster, meets
from edgemed.report.numerals import significant
from edgemed.stages.artefacts import ORIGINAL, Candidate
from edgemed.types import Agreement, AgreementFigures, SpeedRatio

Latencies = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Choice:
    """The candidate kept per backend, why each was kept or dropped, and all that agree."""

    kept: dict[str, str]
    reasons: dict[str, str]
    agreeing: frozenset[str]


def choose(
    candidates: Sequence[Candidate],
    figures: Mapping[str, tuple[AgreementFigures, ...]],
    latencies: Latencies,
    limits: Agreement,
    labelled: bool,
) -> Choice:
    """Per backend: of those that agree and are faster than its fp32 beyond noise, the fastest; else its fp32.

    Where fp32 does not agree, the fastest of those that do. `latencies` are (launches, rounds) by candidate
    id, the original's among them; in each launch all took turns. A candidate that is not in it has failed.
    """
    kept: dict[str, str] = {}
    reasons: dict[str, str] = {}
    all_agreeing: list[str] = []
    for backend in dict.fromkeys(each.backend for each in candidates):
        agreeing: list[Candidate] = []
        for candidate in candidates:
            if candidate.backend != backend or candidate.id not in latencies:
                continue
            agrees, sentence = meets(limits, figures[candidate.id], labelled)
            if agrees:
                agreeing.append(candidate)
            reasons[candidate.id] = ("agrees: " if agrees else "does not agree: ") + sentence
        if not agreeing:
            continue
        all_agreeing += [each.id for each in agreeing]
        fp32 = next((each for each in agreeing if each.precision == "fp32"), None)
        base = latencies[(fp32 or ORIGINAL).id]
        ratios = {each: faster(base, latencies[each.id]) for each in agreeing}
        able = [each for each in agreeing if fp32 in (None, each) or ratios[each].faster]
        winner = min(able, key=lambda each: ratios[each].ratio)
        kept[backend] = winner.id
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
