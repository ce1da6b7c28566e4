"""ValueRange: between what bounds an input's values lie."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from edgemed.errors import BadInput
from edgemed.types.record import Record


@dataclass(frozen=True)
class ValueRange(Record):
    """`low` and `high`: one number each for all elements, or one for each column of a table."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.low or len(self.low) != len(self.high):
            raise BadInput("it has no bounds, or not as many low ones as high ones", where="low")
        if any(not low <= high for low, high in zip(self.low, self.high, strict=True)):
            raise BadInput("a low bound is above its high one", where="low")

    @classmethod
    def around(cls, ranges: Iterable[ValueRange], spare: float) -> ValueRange:
        """All of `ranges` and `spare` times their span to either side; of a single value, its size."""
        found = tuple(ranges)
        lows = [min(bounds) for bounds in zip(*(each.low for each in found), strict=True)]
        highs = [max(bounds) for bounds in zip(*(each.high for each in found), strict=True)]
        rooms = [
            spare * ((high - low) or max(abs(low), abs(high)) or 1.0)
            for low, high in zip(lows, highs, strict=True)
        ]
        if not all(map(math.isfinite, rooms)):
            raise BadInput("it has no bounds", where="low")
        return cls(
            tuple(low - room for low, room in zip(lows, rooms, strict=True)),
            tuple(high + room for high, room in zip(highs, rooms, strict=True)),
        )
