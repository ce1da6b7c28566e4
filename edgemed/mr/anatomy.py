"""Anatomy: where each tissue of one simulated head lies in the magnet, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.mr.atlas import CELL_ML
from edgemed.mr.head import Head
from edgemed.mr.subject import Subject
from edgemed.mr.tissue import CSF, GREY, HYPERINTENSITY, LESION, ORDER, WHITE

Floats = NDArray[np.float64]

VENTRICLE_GROWTH = 10.0
"""Relative growth of the lateral ventricles per share of grey matter lost; an assumption."""
FOCUS_MM = 10.0
"""Scale on which lesions get rarer with the distance from the ventricles; an assumption."""
_WHITE = 0.5
"""Lesions lie in cells that hold more white matter than this share."""
_BESIDE_MM = 25.0
"""Far enough from the ventricles to hold all of their growth."""
_BIN_MM = 3.0
"""Sharing a cell's volume between the two nearest bins spreads it about as far as a cell of 4 mm reaches."""


@dataclass(frozen=True)
class Anatomy:
    """`positions` (cells, 3) mm in the magnet's frame; `volumes` (tissues, cells) mL, in `tissue.ORDER`."""

    positions: Floats
    volumes: Floats

    @classmethod
    def of(cls, head: Head, subject: Subject) -> Anatomy:
        """The atlas warped, scaled, turned and shifted; then atrophy, then lesions in the white matter left.

        A warp that folds the head, and lesions larger than the white matter, raise `BadInput`.
        """
        displacement, slope = head.warp.displace(subject.warp_mm)
        positions = (head.positions + displacement) * subject.scale @ subject.rotation.T + subject.shift_mm
        stretch = _determinant(np.eye(3)[:, None] + slope) * subject.scale.prod()
        if stretch.min() <= 0:
            raise BadInput(
                "the warp folds the head onto itself", where="spread.warp_mm", remedy="choose a smaller one"
            )
        volumes = np.zeros((len(ORDER), len(positions)))
        volumes[: len(head.fractions)] = head.fractions * (stretch * CELL_ML)
        _shrink(head, volumes, subject.atrophy)
        for tissue, volume in ((LESION, subject.lesion_ml), (HYPERINTENSITY, subject.hyperintensity_ml)):
            _grow_lesion(head, volumes, tissue, volume, subject)
        return cls(positions, volumes)

    def profiles(self, direction: Floats) -> tuple[Floats, Floats]:
        """Places along a unit vector (bins,) in mm, and each tissue's volume there (tissues, bins) in mL."""
        place = self.positions @ direction / _BIN_MM
        below = np.floor(place).astype(np.int64)
        share = place - below
        first = below.min()
        index, bins = below - first, int(np.ptp(below)) + 2
        rows = [
            np.bincount(index, tissue * (1.0 - share), bins) + np.bincount(index + 1, tissue * share, bins)
            for tissue in self.volumes
        ]
        return (first + np.arange(bins)) * _BIN_MM, np.stack(rows)


def _determinant(matrix: Floats) -> Floats:
    """Of matrices (3, cells, 3)."""
    a, b, c = matrix
    return np.asarray((a * np.cross(b, c)).sum(1))


def _shrink(head: Head, volumes: Floats, atrophy: float) -> None:
    """Grey matter gives a share to CSF, and the lateral ventricles grow into what lies next to them."""
    growth = VENTRICLE_GROWTH * atrophy * volumes[CSF, head.ventricle_mm == 0].sum()
    lost = atrophy * volumes[GREY]
    volumes[GREY] -= lost
    volumes[CSF] += lost
    brain = volumes[WHITE] + volumes[GREY]
    beside = np.flatnonzero(head.ventricle_mm < _BESIDE_MM)
    share = np.zeros_like(brain)
    share[beside] = _fill(head.ventricle_mm[beside], brain[beside], growth)
    volumes[CSF] += share * brain
    volumes[[WHITE, GREY]] *= 1.0 - share


def _grow_lesion(head: Head, volumes: Floats, tissue: int, volume: float, subject: Subject) -> None:
    """Turn `volume` mL of white matter into `tissue`, outwards from the subject's foci."""
    if not volume:
        return
    white = np.flatnonzero(head.fractions[WHITE] > _WHITE)
    left = volumes[WHITE, white]
    if volume > left.sum():
        raise BadInput(
            f"lesions of {volume:.3g} mL in {left.sum():.3g} mL of white matter",
            where="spread",
            remedy="lower lesion_ml or hyperintensity_ml",
        )
    odds = np.cumsum(left * np.exp(-head.ventricle_mm[white] / FOCUS_MM))
    foci = np.searchsorted(odds, subject.focus_odds * odds[-1], side="right")
    places = head.positions[white]
    reach = np.full(len(white), np.inf)
    for focus, size in zip(foci, subject.focus_size, strict=True):
        x, y, z = (places - places[focus]).T
        np.minimum(reach, (x * x + y * y + z * z) / size**2, out=reach)
    taken = _fill(reach, left, volume) * left
    volumes[WHITE, white] = left - taken
    volumes[tissue, white] += taken


def _fill(order: Floats, volumes: Floats, wanted: float) -> Floats:
    """Shares (cells,) of `volumes` that sum to `wanted`: whole cells from the lowest `order`, one in part."""
    ascending = np.argsort(order, kind="stable")
    sorted_volumes = volumes[ascending]
    before = np.cumsum(sorted_volumes) - sorted_volumes
    share = np.zeros(len(volumes))
    held = sorted_volumes > 0
    share[ascending[held]] = np.clip((wanted - before[held]) / sorted_volumes[held], 0.0, 1.0)
    return share
