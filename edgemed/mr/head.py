"""Head: tissue maps of the MNI152 atlas on a coarse grid, as far as projections of a whole head need them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import Unavailable
from edgemed.mr.warp import Warp

CELL_MM = 4
CELL_ML = (CELL_MM / 10) ** 3
SCALP_MM = (8.0, 14.0)
"""Where the simulated scalp begins and ends outside the brain."""
_ATLAS = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
_BRAIN = 30.0
"""T1-weighted intensity above which the atlas shows the brain; 0 lies outside it."""
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
    """The 1 mm maps that the package `nilearn` ships, averaged to cells of `CELL_MM`. Nothing is downloaded.

    The atlas ends at the brain, so the scalp is a SIMULATED shell (`SCALP_MM`), and there is no skull, which
    gives no signal. CSF is what is neither grey nor white inside the brain. The lateral ventricles are the
    largest connected CSF deep inside it. Raises `Unavailable` where nilearn or nibabel is missing.
    """
    from scipy.ndimage import distance_transform_edt, label

    white, grey, brain = (_coarse(_read(kind)) for kind in ("wm", "gm", "t1"))
    white, grey = white / 255.0, grey / 255.0
    inside = brain > _BRAIN
    csf = np.where(inside, np.clip(1.0 - white - grey, 0.0, 1.0), 0.0)
    outside_mm = distance_transform_edt(~inside, sampling=CELL_MM)
    scalp = ((outside_mm >= SCALP_MM[0]) & (outside_mm < SCALP_MM[1])).astype(np.float64)
    fractions = np.stack((white, grey, csf, scalp))

    deep = distance_transform_edt(inside, sampling=CELL_MM) > _DEEP_MM
    parts, _ = label(deep & (csf > 0.5))
    ventricles = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    ventricle_mm = distance_transform_edt(~ventricles, sampling=CELL_MM)

    occupied = fractions.sum(0) > 0.01
    middle = np.argwhere(inside).mean(0)
    positions = (np.argwhere(occupied) - middle) * CELL_MM
    return Head(positions, fractions[:, occupied], ventricle_mm[occupied], Warp.over(positions))


def _read(kind: str) -> Floats:
    package = find_spec("nilearn")
    if package is None or package.origin is None or find_spec("nibabel") is None:
        raise Unavailable(
            "the packages nilearn and nibabel ship and read the tissue maps, and one is not installed",
            remedy="pip install 'edgemed[mr]'",
        )
    import nibabel

    path = Path(package.origin).parent / "datasets" / "data" / _ATLAS.format(kind)
    return np.asarray(nibabel.load(path).dataobj, dtype=np.float64)


def _coarse(fine: Floats) -> Floats:
    """Means over cubes of `CELL_MM`, with a margin of empty cells for the scalp."""
    padded = np.pad(fine, [(4 * CELL_MM, 4 * CELL_MM + -n % CELL_MM) for n in fine.shape])
    shape = [size for n in padded.shape for size in (n // CELL_MM, CELL_MM)]
    return np.asarray(padded.reshape(shape).mean(axis=(1, 3, 5)))
