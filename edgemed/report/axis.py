"""A linear axis of a drawing: where a value lies, and round values for its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgemed.report.numerals import MINUS


@dataclass(frozen=True)
class Axis:
    """Maps `low` to the position `start` and `high` to `end`; what lies beyond is put at the edge."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> list[float]:
        """Multiples of 1, 2 or 5 times a power of ten, `most` of them or fewer."""
        least = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(least))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def tick_text(value: float, *, percent: bool = False) -> str:
    text = f"{100 * value if percent else value:.6g}".replace("-", MINUS)
    return f"{text}\N{NARROW NO-BREAK SPACE}%" if percent else text
