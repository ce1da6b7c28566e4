"""NIfTI through nibabel."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.extra import import_extra
from edgemed.readers.fit import Note
from edgemed.readers.levels import stretch


def decode_nifti(path: Path, note: Note, *, levels: bool) -> tuple[NDArray[Any], str]:
    """The scaled voxels in the closest canonical (RAS+) orientation and their axes: `HW`, `DHW` or `DHWC`.

    D runs from left to right, H from posterior to anterior, W from inferior to superior: nibabel's and
    MONAI's axis order, not transposed; a fourth axis is C; trailing axes of length 1 are dropped. Scaled and
    float64 data are float32, others keep the dtype of the file; with `levels`, all but unscaled uint8 is
    stretched from each file's lowest to highest value to uint8 0..255. Raises `BadInput` where the file
    cannot be read.
    """
    nibabel = import_extra("nibabel")
    try:
        file = nibabel.load(path)
        array = _oriented(file, nibabel.orientations, note)
    except (
        nibabel.filebasedimages.ImageFileError,
        nibabel.spatialimages.HeaderDataError,
        OSError,
        EOFError,
        ValueError,
        zlib.error,
        OverflowError,
        MemoryError,
    ) as error:
        raise BadInput(
            f"the NIfTI file cannot be read: {str(error).replace(str(path), path.name)}"
        ) from error
    if array.dtype.kind not in "biuf":
        raise BadInput(f"NIfTI data of type {array.dtype} are not supported")
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if levels and array.dtype != np.uint8:
        note("NIfTI: each file's lowest to highest value was made 0..255")
        array = stretch(array)
    return array, {2: "HW", 3: "DHW", 4: "DHWC"}[array.ndim]


def _oriented(file: Any, orientations: Any, note: Note) -> NDArray[Any]:
    proxy = file.dataobj
    shape = file.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if not 2 <= len(shape) <= 4:
        raise ValueError(f"{len(shape)} axes")
    array = np.asanyarray(proxy).reshape(shape if len(shape) > 2 else (*shape, 1))
    orientation = orientations.io_orientation(file.affine)
    if np.isnan(orientation).any():
        raise ValueError("its affine does not name three directions")
    if not np.array_equal(orientation, [[0, 1], [1, 1], [2, 1]]):
        note("NIfTI: volumes were turned to the closest canonical (RAS+) orientation")
    array = orientations.apply_orientation(array, orientation)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return np.asarray(array, dtype=array.dtype.newbyteorder("="))
