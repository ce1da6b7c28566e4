"""Chooses, per runtime, the fastest candidate that agrees with the original on the selection set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgemed.judge import faster, meets
from edgemed.stages.artefacts import Candidate
from edgemed.types import Agreement, AgreementFigures, SpeedRatio

Latencies = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Choice:
    """The candidate kept per backend, and why each was kept or dropped."""

    kept: dict[str, str]
    reasons: dict[str, str]


def choose(
    candidates: Sequence[Candidate],
    figures: Mapping[str, tuple[AgreementFigures, ...]],
    latencies: Latencies,
    limits: Agreement,
    labelled: bool,
) -> Choice:
    """Per backend: of those that agree, the fastest; fp32 unless another is faster beyond noise.

    `latencies` are (launches, rounds) by candidate id; in each launch all took turns. A candidate that is
    not in it has failed.
    """
    kept: dict[str, str] = {}
    reasons: dict[str, str] = {}
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
        winner = min(agreeing, key=lambda each: _median(latencies, each))
        fp32 = next((each for each in agreeing if each.precision == "fp32"), None)
        if fp32 is not None and winner != fp32 and not _ratio(latencies, fp32, winner).faster:
            winner = fp32
        kept[backend] = winner.id
        for candidate in agreeing:
            reasons[candidate.id] = _why(candidate, winner, fp32, latencies) + "; " + reasons[candidate.id]
    return Choice(kept, reasons)


def _why(candidate: Candidate, winner: Candidate, fp32: Candidate | None, latencies: Latencies) -> str:
    if candidate == winner:
        if candidate == fp32:
            return f"nothing else on {candidate.backend} that agrees is faster beyond noise"
        return f"fastest on {candidate.backend}"
    if fp32 is not None and candidate != fp32:
        ratio = _ratio(latencies, fp32, candidate)
        if not ratio.faster:
            return f"not faster than fp32 beyond noise: {_shown(ratio)}"
    return f"slower than {winner.id}: {_shown(_ratio(latencies, winner, candidate))}"


def _shown(ratio: SpeedRatio) -> str:
    interval = "" if ratio.low is None else f" (95 % {ratio.low:.2f} to {ratio.high:.2f})"
    return (
        f"{ratio.candidate_ms:.3g} ms against {ratio.baseline_ms:.3g} ms, ratio {ratio.ratio:.2f}{interval}"
    )


def _ratio(latencies: Latencies, baseline: Candidate, candidate: Candidate) -> SpeedRatio:
    return faster(latencies[baseline.id], latencies[candidate.id])


def _median(latencies: Latencies, candidate: Candidate) -> float:
    return float(np.median(latencies[candidate.id]))
