"""What each candidate loses beside the original, on one scale for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgemed.report.numerals import MINUS, NO_BREAK, share, signed
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.figures import AgreementFigures


@dataclass(frozen=True)
class Loss:
    """0 is the original, more is worse; `low` and `high` bound 95 %, None where no interval is known.

    `value` is infinite where the original's signal is lost altogether.
    """

    value: float
    low: float | None
    high: float | None
    text: str
    between: str = ""


@dataclass(frozen=True)
class Scale:
    """What the loss is of all candidates: the first of AUC, decisions and SNR that any output has.

    `limit` is what `edgemed.judge.meets` allows of it, None where it asks for something else.
    """

    title: str
    note: str
    limit: float | None
    percent: bool
    by_id: dict[str, Loss]


def losses(compilation: Compilation) -> Scale | None:
    """The scale and every compared candidate on it, at its worst output; None where none was compared."""
    limits = compilation.agreement
    labelled = any(
        figures.labelled for each in compilation.candidates for figures in each.select_agreement or ()
    )
    scales = (
        (_auc, "fall of the AUC", "Whiskers: paired DeLong.", limits.auc, False),
        (
            _changed,
            "changed decisions",
            "Whiskers: Clopper-Pearson.",
            1 - limits.decisions if labelled else None,
            True,
        ),
        (
            _error,
            "error over spread",
            "That is the root mean square error over the standard deviation of the original's values: an SNR "
            f"of 20{NO_BREAK}dB is 10{NO_BREAK}%. No interval is known.",
            10 ** (-limits.snr_db / 20),
            True,
        ),
    )
    for find, title, note, limit, percent in scales:
        by_id = {each.id: worst for each in compilation.candidates if (worst := _worst(each, find))}
        if by_id:
            return Scale(title, f"{_outputs(compilation, find)}{note}", limit, percent, by_id)
    return None


def _outputs(compilation: Compilation, find: Callable[[AgreementFigures], Loss | None]) -> str:
    """Which of several outputs the loss is of."""
    compared = [figures for each in compilation.candidates for figures in each.select_agreement or ()]
    names = dict.fromkeys(figures.output for figures in compared)
    having = dict.fromkeys(figures.output for figures in compared if find(figures) is not None)
    without = [name for name in names if name not in having]
    told = "Of several outputs that of the worst. " if len(having) > 1 else ""
    return f"{told}Not in it, for they have none: {', '.join(without)}. " if without else told


def _worst(candidate: CandidateResult, find: Callable[[AgreementFigures], Loss | None]) -> Loss | None:
    found = [loss for figures in candidate.select_agreement or () if (loss := find(figures)) is not None]
    return max(found, key=lambda loss: loss.value, default=None)


def _auc(figures: AgreementFigures) -> Loss | None:
    change = figures.difference("auc")
    if change is None or change.value is None:
        return None
    if change.low is None or change.high is None:
        return Loss(-change.value, None, None, signed(-change.value))
    between = f"{signed(-change.high)} to {signed(-change.low)}"
    return Loss(-change.value, -change.high, -change.low, signed(-change.value), between)


def _changed(figures: AgreementFigures) -> Loss | None:
    same = figures.decisions
    if same is None or same.value is None:
        return None
    if same.low is None or same.high is None:
        return Loss(1 - same.value, None, None, share(1 - same.value))
    low, high = 1 - same.high, 1 - same.low
    return Loss(1 - same.value, low, high, share(1 - same.value), f"{share(low)} to {share(high)}")


def _error(figures: AgreementFigures) -> Loss | None:
    if figures.identical:
        return Loss(0.0, None, None, share(0.0), "identical")
    if figures.snr_db is None:
        return Loss(math.inf, None, None, "signal lost", f"SNR {MINUS}∞{NO_BREAK}dB")
    value = 10 ** (-figures.snr_db / 20)
    shown = f"{figures.snr_db:.1f}".replace("-", MINUS)
    return Loss(value, None, None, share(value), f"SNR {shown}{NO_BREAK}dB")
