"""Head: tissue maps of the MNI152 atlas, reduced to what a projection readout of the whole head sees."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import Unavailable

TISSUES = ("white matter", "grey matter", "CSF", "scalp")
CELL_MM = 4
_ATLAS = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """Lengths in mm from the middle of the head, volumes in mL.

    `positions[axis]` (cells,) are the cells' places along x, y and z; `profiles[axis]` (tissues, cells) the
    volume of each of `TISSUES` in them. `sites` (sites, 3) are white-matter places and `site_odds` (sites,)
    how likely a lesion is there: it falls with the distance from the ventricles.
    """

    positions: tuple[Floats, ...]
    profiles: tuple[Floats, ...]
    sites: Floats
    site_odds: Floats


def load_head() -> Head:
    """The 1 mm atlas that the package `nilearn` ships, averaged to cells of `CELL_MM`. Nothing is downloaded.

    The atlas ends at the brain, so the scalp is a simulated shell 8 to 16 mm outside it. CSF is what is
    neither grey nor white inside the brain. Raises `Unavailable` where nilearn or nibabel is missing.
    """
    white, grey, brain = (_coarse(_read(kind)) for kind in ("wm", "gm", "t1"))
    white, grey = white / 255.0, grey / 255.0
    inside = brain > 30.0
    csf = np.where(inside, np.clip(1.0 - white - grey, 0.0, 1.0), 0.0)
    scalp = (_grow(inside, 4) & ~_grow(inside, 2)).astype(np.float64)
    tissues = np.stack((white, grey, csf, scalp)) * (CELL_MM / 10) ** 3

    middle = [float(np.average(np.arange(n), weights=w)) for n, w in _marginals(inside)]
    positions = tuple((np.arange(n) - m) * CELL_MM for n, m in zip(inside.shape, middle, strict=True))
    profiles = tuple(tissues.sum(axis=tuple(1 + a for a in range(3) if a != axis)) for axis in range(3))

    deep = ~_grow(~inside, 5)
    ventricles = np.argwhere(deep & (csf > 0.5))
    sites = np.argwhere(deep & (white > 0.7))
    distance = CELL_MM * np.array([np.sqrt(((ventricles - s) ** 2).sum(1).min()) for s in sites])
    odds = np.exp(-distance / 10.0)
    return Head(positions, profiles, (sites - np.array(middle)) * CELL_MM, odds / odds.sum())


def _read(kind: str) -> Floats:
    package = find_spec("nilearn")
    if package is None or package.origin is None or find_spec("nibabel") is None:
        raise Unavailable(
            "the packages nilearn and nibabel ship and read the tissue maps, and one is not installed",
            remedy="pip install 'edgemed[demo]'",
        )
    import nibabel

    path = Path(package.origin).parent / "datasets" / "data" / _ATLAS.format(kind)
    return np.asarray(nibabel.load(path).dataobj, dtype=np.float64)


def _coarse(fine: Floats) -> Floats:
    """Means over cubes of `CELL_MM`, with a margin of empty cells for the scalp."""
    padded = np.pad(fine, [(4 * CELL_MM, 4 * CELL_MM + -n % CELL_MM) for n in fine.shape])
    shape = [size for n in padded.shape for size in (n // CELL_MM, CELL_MM)]
    return np.asarray(padded.reshape(shape).mean(axis=(1, 3, 5)))


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
