"""How often the acceptance set was opened, and what that does to a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from edgemed.report.grounds import short
from edgemed.types.compilation import Compilation


@dataclass(frozen=True)
class OpeningRow:
    number: int
    opened: str
    data: str
    question: str
    outcomes: str
    command: str


@dataclass(frozen=True)
class Ledger:
    times: str
    rows: tuple[OpeningRow, ...]
    """Empty where it was opened once: there is nothing to compare."""


def ledger(compilation: Compilation) -> Ledger | None:
    """None where it was never opened to judge."""
    found = compilation.openings
    if not found:
        return None
    rows = [
        OpeningRow(
            each.number,
            each.opened[:16].replace("T", " "),
            short(each.data),
            short(each.question),
            "; ".join(f"{id}: {outcome}" for id, outcome in each.outcomes.items())
            or "not known: it was cut short",
            each.command,
        )
        for each in found
    ]
    return Ledger(times(len(found)), tuple(rows) if len(rows) > 1 else ())


def times(number: int) -> str:
    return "once" if number == 1 else "twice" if number == 2 else f"{number} times"
