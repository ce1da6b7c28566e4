"""Resampling matrices with the coefficients of Pillow's `Image.resize`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Filter = Literal["bilinear", "bicubic", "box", "lanczos", "nearest"]
OVERSHOOTING: frozenset[str] = frozenset({"bicubic", "lanczos"})
"""Filters with negative weights: the result may leave the range of the values."""


def resize_matrix(before: int, after: int, filter_name: Filter) -> NDArray[np.float64]:
    """The (after, before) matrix M with `resized = M @ column`; every row sums to 1.

    The loop is `precompute_coeffs` of Pillow's src/libImaging/Resample.c: the filter is stretched by the
    scale when shrinking (antialiasing), cut at the borders and normalised. Nearest is `ImagingScaleAffine`
    of src/libImaging/Geometry.c, whose running sum decides ties.
    """
    if filter_name == "nearest":
        return _nearest_matrix(before, after)
    weigh, radius = _FILTERS[filter_name]
    scale = before / after
    filter_scale = max(scale, 1.0)
    support = radius * filter_scale
    matrix = np.zeros((after, before))
    for row in range(after):
        centre = (row + 0.5) * scale
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), before)
        weights = [weigh((x - centre + 0.5) / filter_scale) for x in range(first, last)]
        total = math.fsum(weights)
        matrix[row, first:last] = np.asarray(weights) / (total if total else 1.0)
    return matrix


def _nearest_matrix(before: int, after: int) -> NDArray[np.float64]:
    scale = before / after
    matrix = np.zeros((after, before))
    position = scale * 0.5
    for row in range(after):
        matrix[row, min(int(position), before - 1)] = 1.0
        position += scale
    return matrix


def _box(x: float) -> float:
    return 1.0 if -0.5 < x <= 0.5 else 0.0


def _bilinear(x: float) -> float:
    return max(1.0 - abs(x), 0.0)


def _bicubic(x: float) -> float:
    a, x = -0.5, abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    if x < 2.0:
        return (((x - 5) * x + 8) * x - 4) * a
    return 0.0


def _lanczos(x: float) -> float:
    return float(np.sinc(x) * np.sinc(x / 3)) if -3.0 <= x < 3.0 else 0.0


_FILTERS: dict[str, tuple[Callable[[float], float], float]] = {
    "box": (_box, 0.5),
    "bilinear": (_bilinear, 1.0),
    "bicubic": (_bicubic, 2.0),
    "lanczos": (_lanczos, 3.0),
}
