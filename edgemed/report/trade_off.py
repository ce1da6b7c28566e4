"""The trade-off: what each candidate loses against the time that it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgemed.report.losses import Loss, Scale, losses
from edgemed.report.numerals import ratio, ratio_interval
from edgemed.report.unknowns import whose_times
from edgemed.types.compilation import CandidateResult, Compilation


@dataclass(frozen=True)
class Entry:
    """A numbered point."""

    number: int
    it: CandidateResult
    look: str
    loss: Loss
    ratio: str
    between: str


@dataclass(frozen=True)
class TradeOff:
    """`timed` are the points of the drawing, `untimed` those of the strip beside it.

    `whose` the times are, where they are not the target's: see `whose_times`.
    """

    scale: Scale
    timed: tuple[Entry, ...]
    untimed: tuple[Entry, ...]
    whose: str


def trade_off(compilation: Compilation) -> TradeOff | None:
    """None where fewer than two candidates were both compared and timed."""
    scale = losses(compilation)
    if scale is None:
        return None
    compared = [each for each in compilation.candidates if each.id in scale.by_id]
    compared.sort(key=lambda each: math.inf if each.ratio is None else each.ratio.ratio)
    entries = [
        Entry(
            number,
            each,
            "best" if each.id == compilation.best else each.status,
            scale.by_id[each.id],
            ratio(each.ratio),
            ratio_interval(each.ratio),
        )
        for number, each in enumerate(compared, 1)
    ]
    timed = tuple(each for each in entries if each.it.ratio is not None)
    untimed = tuple(each for each in entries if each.it.ratio is None)
    return TradeOff(scale, timed, untimed, whose_times(compilation)) if len(timed) > 1 else None
