"""Atlas: the tissue maps of MNI152 on a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import Unavailable

CELL_MM = 4
CELL_ML = (CELL_MM / 10) ** 3
_FILE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
_BRAIN = 30.0
"""T1-weighted intensity above which the atlas shows the brain; 0 lies outside it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Atlas:
    """Arrays (x, y, z) over cells of `CELL_MM`, x to the right, y to the front, z upwards: the shares of
    `white` matter, `grey` matter and `csf`, and where the brain is (`inside`), with empty cells around it."""

    white: Floats
    grey: Floats
    csf: Floats
    inside: NDArray[np.bool_]


def load_atlas() -> Atlas:
    """The 1 mm maps that the package `nilearn` ships, averaged to cells. Nothing is downloaded.

    CSF is what is neither grey nor white inside the brain. Raises `Unavailable` where nilearn or nibabel is
    missing.
    """
    white, grey, brain = (_coarse(_read(kind)) for kind in ("wm", "gm", "t1"))
    white, grey = white / 255.0, grey / 255.0
    inside = brain > _BRAIN
    return Atlas(white, grey, np.where(inside, np.clip(1.0 - white - grey, 0.0, 1.0), 0.0), inside)


def _read(kind: str) -> Floats:
    package = find_spec("nilearn")
    if package is None or package.origin is None or find_spec("nibabel") is None:
        raise Unavailable(
            "the packages nilearn and nibabel ship and read the tissue maps, and one is not installed",
            remedy="pip install 'edgemed[mr]'",
        )
    import nibabel

    path = Path(package.origin).parent / "datasets" / "data" / _FILE.format(kind)
    return np.asarray(nibabel.load(path).dataobj, dtype=np.float64)


def _coarse(fine: Floats) -> Floats:
    """Means over cubes of `CELL_MM`, with a margin of empty cells for the scalp."""
    padded = np.pad(fine, [(4 * CELL_MM, 4 * CELL_MM + -n % CELL_MM) for n in fine.shape])
    shape = [size for n in padded.shape for size in (n // CELL_MM, CELL_MM)]
    return np.asarray(padded.reshape(shape).mean(axis=(1, 3, 5)))
