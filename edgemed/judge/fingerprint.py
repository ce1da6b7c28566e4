"""Fingerprints: what is kept of a case to find it again in another set, changed a little."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

SKETCH = 256
_SIDE = {3: 16}
_SIDE_OF_A_PICTURE = 32
_TINY = 1e-12


def thumbnail(array: NDArray[Any], layout: str) -> NDArray[np.uint8]:
    """A picture of at most 32 x 32 values, or a volume of at most 16 x 16 x 16.

    Channels are averaged, blocks of equal size too; the result is blurred by one of its own values, so that
    a shift by a fraction of one is nearly linear, and scaled from its lowest to its highest value to 0..255.
    """
    from scipy.ndimage import gaussian_filter

    spatial = [axis for axis, name in enumerate(layout) if name != "C" and array.shape[axis] > 1]
    for axis in spatial:
        array = _averaged(array, axis, _SIDE.get(len(spatial), _SIDE_OF_A_PICTURE))
    grey = array.mean(axis=tuple(set(range(array.ndim)) - set(spatial)), dtype=np.float32)
    smooth = gaussian_filter(grey, 1.0)
    low, high = smooth.min(), smooth.max()
    return np.asarray(np.rint((smooth - low) / max(high - low, _TINY) * 255.0), dtype=np.uint8)


def sketch(array: NDArray[Any]) -> NDArray[np.float32]:
    """(256,) of a signal of any length: its values, with mean 0 and norm 1, are given random signs and summed
    in 256 buckets. Distances between signals are kept to about 9 % (sqrt(2 / 256)).

    The count sketch of Charikar, Chen and Farach-Colton (2002), with values dealt to buckets in turn.
    """
    values = array.reshape(-1).astype(np.float64)
    values -= values.mean()
    values *= _signs(values.size) / max(float(np.linalg.norm(values)), _TINY)
    padded = np.pad(values, (0, -values.size % SKETCH))
    return np.asarray(padded.reshape(-1, SKETCH).sum(axis=0), dtype=np.float32)


def _averaged(array: NDArray[Any], axis: int, most: int) -> NDArray[Any]:
    """Means of blocks along `axis`, so that at most `most` are left; the last block may be shorter."""
    length = array.shape[axis]
    starts = np.arange(0, length, -(-length // most))
    sizes = np.diff(starts, append=length)
    shape = [-1 if each == axis else 1 for each in range(array.ndim)]
    return np.add.reduceat(array, starts, axis=axis, dtype=np.float32) / sizes.astype(np.float32).reshape(
        shape
    )


@functools.lru_cache(maxsize=8)
def _signs(size: int) -> NDArray[np.int8]:
    return np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size)
