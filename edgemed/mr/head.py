"""Head: tissue maps of the MNI152 atlas on a coarse grid, as far as projections of a whole head need them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgemed.mr.atlas import CELL_MM, load_atlas
from edgemed.mr.warp import Warp

SCALP_MM = (8.0, 14.0)
"""Where the simulated scalp begins and ends outside the brain."""
_DEEP_MM = 20.0
"""Ventricles lie deeper under the brain's surface; sulci do not."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """The cells of `CELL_MM` that hold something of the head.

    `positions` (cells, 3) mm from the brain's centre of mass, x to the right, y to the front, z upwards;
    `fractions` (4, cells) the share of white matter, grey matter, CSF and scalp in each;
    `ventricle_mm` (cells,) the distance from the lateral ventricles, 0 inside them; `warp` over the cells.
    """

    positions: Floats
    fractions: Floats
    ventricle_mm: Floats
    warp: Warp


@lru_cache(maxsize=1)
def load_head() -> Head:
    """The head of the atlas (`load_atlas`, which also says what it raises).

    The atlas ends at the brain, so the scalp is a SIMULATED shell (`SCALP_MM`), and there is no skull, which
    gives no signal. The lateral ventricles are the largest connected CSF deep inside the brain.
    """
    from scipy.ndimage import distance_transform_edt, label

    atlas = load_atlas()
    inside, csf = atlas.inside, atlas.csf
    outside_mm = distance_transform_edt(~inside, sampling=CELL_MM)
    scalp = ((outside_mm >= SCALP_MM[0]) & (outside_mm < SCALP_MM[1])).astype(np.float64)
    fractions = np.stack((atlas.white, atlas.grey, csf, scalp))

    deep = distance_transform_edt(inside, sampling=CELL_MM) > _DEEP_MM
    parts, _ = label(deep & (csf > 0.5))
    ventricles = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    ventricle_mm = distance_transform_edt(~ventricles, sampling=CELL_MM)

    occupied = fractions.sum(0) > 0.01
    middle = np.argwhere(inside).mean(0)
    positions = (np.argwhere(occupied) - middle) * CELL_MM
    return Head(positions, fractions[:, occupied], ventricle_mm[occupied], Warp.over(positions))
