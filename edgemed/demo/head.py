"""Head: tissue maps of the MNI152 atlas, reduced to what a projection readout of the whole head sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgemed.mr.atlas import CELL_ML, CELL_MM, load_atlas

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """Lengths in mm from the middle of the head, volumes in mL.

    `positions[axis]` (cells,) are the cells' places along x, y and z; `profiles[axis]` (tissues, cells) the
    volume of white matter, grey matter, CSF and scalp in them. `sites` (sites, 3) are white-matter places and
    `site_odds` (sites,) how likely a lesion is there: it falls with the distance from the ventricles.
    """

    positions: tuple[Floats, ...]
    profiles: tuple[Floats, ...]
    sites: Floats
    site_odds: Floats


def load_head() -> Head:
    """The head of the atlas (`load_atlas`, which also says what it raises).

    The atlas ends at the brain, so the scalp is a simulated shell 8 to 16 mm outside it.
    """
    atlas = load_atlas()
    white, csf, inside = atlas.white, atlas.csf, atlas.inside
    scalp = (_grow(inside, 4) & ~_grow(inside, 2)).astype(np.float64)
    tissues = np.stack((white, atlas.grey, csf, scalp)) * CELL_ML

    middle = [float(np.average(np.arange(n), weights=w)) for n, w in _marginals(inside)]
    positions = tuple((np.arange(n) - m) * CELL_MM for n, m in zip(inside.shape, middle, strict=True))
    profiles = tuple(tissues.sum(axis=tuple(1 + a for a in range(3) if a != axis)) for axis in range(3))

    deep = ~_grow(~inside, 5)
    ventricles = np.argwhere(deep & (csf > 0.5))
    sites = np.argwhere(deep & (white > 0.7))
    distance = CELL_MM * np.array([np.sqrt(((ventricles - s) ** 2).sum(1).min()) for s in sites])
    odds = np.exp(-distance / 10.0)
    return Head(positions, profiles, (sites - np.array(middle)) * CELL_MM, odds / odds.sum())


def _grow(mask: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Dilation by `steps` cells along the axes."""
    for _ in range(steps):
        grown = mask.copy()
        for axis in range(3):
            grown |= np.roll(mask, 1, axis) | np.roll(mask, -1, axis)
        mask = grown
    return mask


def _marginals(mask: NDArray[np.bool_]) -> list[tuple[int, NDArray[np.int64]]]:
    return [(n, mask.sum(axis=tuple(a for a in range(3) if a != axis))) for axis, n in enumerate(mask.shape)]
