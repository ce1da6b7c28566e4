"""How often acceptance data were opened for an output folder, and what that does to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgemed.report.grounds import short, whole_sentence
from edgemed.types.compilation import Compilation
from edgemed.types.verdict import Opening, Verdict

_OPTIMISTIC = "verdicts after the first look are optimistic"


@dataclass(frozen=True)
class OpeningRow:
    number: int
    opened: str
    data: str
    asked: str
    outcomes: str
    command: str


@dataclass(frozen=True)
class Ledger:
    sentence: str
    rows: tuple[OpeningRow, ...]
    """Empty where there was one opening: there is nothing to compare."""


def ledger(compilation: Compilation) -> Ledger | None:
    """None where nothing was ever opened to judge."""
    found = compilation.openings
    if not found:
        return None
    rows = [
        OpeningRow(
            each.number,
            each.opened[:16].replace("T", " "),
            short(each.data),
            each.asked or short(each.question),
            "; ".join(f"{id}: {outcome}" for id, outcome in each.outcomes.items())
            or "not known: it was cut short",
            each.command,
        )
        for each in found
    ]
    if len(rows) == 1:
        return Ledger(whole_sentence(opened(found)), ())
    return Ledger(whole_sentence(f"{opened(found)}: {_OPTIMISTIC}"), tuple(rows))


def opened(openings: Sequence[Opening]) -> str:
    """`acceptance data were opened 3 times for this folder, of 2 different sets`."""
    sets = len({each.data for each in openings})
    return _opened(len(openings)) + (f", of {sets} different sets" if sets > 1 else "")


def optimism(verdict: Verdict) -> str:
    """What a look after the first does to it; empty for the first, and where no ledger is kept."""
    if verdict.opening < 2:
        return ""
    return f"{_opened(verdict.opening)}: {_OPTIMISTIC}"


def _opened(number: int) -> str:
    times = "once" if number == 1 else "twice" if number == 2 else f"{number} times"
    return f"acceptance data were opened {times} for this folder"
