"""Warp: smooth displacements of a head, a sum of slow cosines."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ORDERS = [orders for orders in product(range(3), repeat=3) if any(orders)]
MODES = len(_ORDERS)
"""Half waves along each side of the head: 0, 1 or 2, not all of them 0."""


@dataclass(frozen=True)
class Warp:
    """`values` (places, modes), and `slopes` (3, places, modes) their derivatives per mm along x, y and z."""

    values: Floats
    slopes: Floats

    @classmethod
    def over(cls, positions: Floats) -> Warp:
        """Cosines over the box of `positions` (places, 3) in mm, of mean square 1 in sum over the modes."""
        low, span = positions.min(0), np.ptp(positions, axis=0)
        waves = np.pi * np.array(_ORDERS) / span
        phases = (positions - low)[:, None] * waves
        cosines, sines = np.cos(phases), np.sin(phases)
        values = cosines.prod(2)
        slopes = np.stack(
            [-waves[:, axis] * sines[..., axis] * np.delete(cosines, axis, 2).prod(2) for axis in range(3)]
        )
        size = np.sqrt((values**2).mean(0).sum())
        return cls(values / size, slopes / size)

    def displace(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """For `coefficients` (modes, 3) in mm: displacement (places, 3), gradient (3 along, places, 3 of)."""
        return self.values @ coefficients, self.slopes @ coefficients
