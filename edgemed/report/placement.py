"""Labels beside the points of a drawing, none upon another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_RADII = (12, 16, 21, 27, 34, 42, 51, 61, 72)
_ANGLES = (90, -90, 45, 135, -45, -135, 0, 180, 67, 113, 22, 158, -67, -113, -22, -158)
"""Degrees, anticlockwise from the right: the first that is free is taken."""


@dataclass(frozen=True)
class Box:
    """A rectangle by its middle and size, in user units of the drawing."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Area that both cover."""
        across = (self.width + other.width) / 2 - abs(self.x - other.x)
        down = (self.height + other.height) / 2 - abs(self.y - other.y)
        return max(across, 0.0) * max(down, 0.0)

    def lies_in(self, other: Box) -> bool:
        across = abs(self.x - other.x) + self.width / 2 <= other.width / 2
        return across and abs(self.y - other.y) + self.height / 2 <= other.height / 2


def place(
    points: Sequence[Box], sizes: Sequence[tuple[float, float]], frame: Box, taken: Sequence[Box] = ()
) -> list[Box]:
    """A box of each size near the point of the same index, inside `frame`, over no point and nothing `taken`.

    Where there is no free place left, the least covered one of those tried.
    """
    placed: list[Box] = []
    for point, (width, height) in zip(points, sizes, strict=True):
        tried = []
        for radius in _RADII:
            for angle in _ANGLES:
                across = math.cos(math.radians(angle)) * (radius + (width - height) / 2)
                down = -math.sin(math.radians(angle)) * radius
                tried.append(Box(point.x + across, point.y + down, width, height))
        inside = [box for box in tried if box.lies_in(frame)] or tried
        others = [*points, *taken, *placed]
        placed.append(min(inside, key=lambda box: sum(box.overlap(other) for other in others)))
    return placed
