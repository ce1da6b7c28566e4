"""ValueRange: between what bounds an input's values lie."""

from __future__ import annotations

import math
from collections.abc import Iterable

from edgemed.errors import BadInput
from edgemed.types.record import Record

_FLATTER = 10.0


class ValueRange(Record):
    """`low` and `high`: one number each for all elements, or one for each column of a table. `span`: the
    least difference of the largest and the smallest value in one sample, 0 for a table."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    span: float = 0.0

    def __post_init__(self) -> None:
        if not self.low or len(self.low) != len(self.high):
            raise BadInput("it has no bounds, or not as many low ones as high ones", where="low")
        if any(not low <= high for low, high in zip(self.low, self.high, strict=True)):
            raise BadInput("a low bound is above its high one", where="low")
        if not 0 <= self.span < math.inf:
            raise BadInput("it is not a number from 0 on", where="span")

    @classmethod
    def around(cls, ranges: Iterable[ValueRange], spare: float) -> ValueRange:
        """All of `ranges` and `spare` times their width to either side; of a single value, its size. The span
        is `_FLATTER` times `spare` less: one grey level is no picture, and neither are 0 to 1 for 0 to 255.
        """
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
            min(each.span for each in found) / (_FLATTER * spare),
        )
