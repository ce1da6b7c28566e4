"""Resizing pictures and volumes with Pillow's antialiased bilinear filter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.readers.extra import import_extra

FILTER = "Pillow's antialiased bilinear filter"


def resize(array: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    """Resize the leading axes, (H, W) or (D, H, W), to `size`; an axis of channels may follow.

    The filter is separable: a volume is resized slice by slice in H and W, then along D, with the same
    coefficients. uint8 pictures equal Pillow's own result; other integers are rounded once, at the end. The
    dtype is kept.
    """
    if array.shape[: len(size)] == size:
        return array
    if array.ndim > len(size):
        planes = [resize(array[..., channel], size) for channel in range(array.shape[-1])]
        return np.stack(planes, axis=-1)
    if len(size) == 2 and array.dtype == np.uint8:
        return _plane(array, size)
    values = array.astype(np.float32)
    if len(size) == 2:
        values = _plane(values, size)
    else:
        slices = np.stack([_plane(piece, size[1:]) for piece in values])
        values = _plane(slices.reshape(len(slices), -1), (size[0], size[1] * size[2])).reshape(size)
    if array.dtype.kind == "f":
        return values.astype(array.dtype)
    limits = np.iinfo(array.dtype)
    return np.clip(np.rint(values.astype(np.float64)), limits.min, limits.max).astype(array.dtype)


def _plane(plane: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    image = import_extra("PIL.Image")
    if plane.shape == size:
        return plane
    picture = image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.resize((size[1], size[0]), image.Resampling.BILINEAR))
