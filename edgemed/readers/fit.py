"""Bringing one decoded array to the shape, layout and dtype of a model input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.cast import as_numbers, cast
from edgemed.readers.notes import Notes
from edgemed.readers.resize import resize
from edgemed.types import InputSpec
from edgemed.types.acquisition import LAYOUT

Note = Callable[[str], None]

_PICTURES = '"HW", "HWC", "CHW" or "DHW" (edgemed init writes one)'


def is_picture(spec: InputSpec) -> bool:
    """True where the input's layout names picture or volume axes."""
    return "H" in spec.layout


def fit(array: NDArray[Any], axes: str, spec: InputSpec, notes: Notes) -> NDArray[Any]:
    """`array` with exactly the dtype and shape of `spec`.

    `axes` names the array's axes: `HW`, `HWC`, `DHW` or `DHWC` from a decoded file, "" for an array taken
    from .npy or .npz, whose axes are those of the layout (axes of length 1 may be missing or extra). Pictures
    and volumes change their number of channels (1 or 3) and their size where needed, and `notes` are told.
    Raises `BadInput` where the shape does not fit, a value would be lost, or there is none.
    """
    if not array.size:
        raise BadInput(f"there are no values: the shape is {list(array.shape)}")
    if spec.layout == LAYOUT and array.dtype.kind == "c":
        pairs = np.ascontiguousarray(array, np.complex64).view(np.float32)
        array = pairs.reshape(*array.shape, 2)
    array = as_numbers(array)
    if spec.layout == LAYOUT and array.shape != spec.shape:
        raise _misfit(array.shape, spec)
    if not axes:
        if _without_ones(array.shape) == _without_ones(spec.shape):
            return cast(array, spec.dtype).reshape(spec.shape)
        axes = _axes_of(array, spec)
    elif not is_picture(spec) or axes == LAYOUT:
        what, layouts = ("a raw MR signal", f'"{LAYOUT}"') if axes == LAYOUT else ("a picture", _PICTURES)
        raise BadInput(
            f"{what} does not fit the input {spec.name!r} of layout {spec.layout!r} "
            f"and shape {list(spec.shape)}",
            remedy=f"give an array of that shape (.npy), or compile it with layout = {layouts} under "
            f"[inputs.{spec.name}] of its recipe",
        )
    array = _channels(_channels_last(array, axes, spec), spec, notes)
    spatial = "".join(axis for axis in spec.layout if axis != "C")
    size = tuple(spec.shape[spec.layout.index(axis)] for axis in spatial)
    if array.shape[:-1] != size:
        notes.resized(spec.name, array.shape[:-1], size)
        array = resize(array, size)
    if "C" not in spec.layout:
        return cast(array[..., 0], spec.dtype)
    return cast(array.transpose([f"{spatial}C".index(axis) for axis in spec.layout]), spec.dtype)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _axes_of(array: NDArray[Any], spec: InputSpec) -> str:
    if is_picture(spec):
        if array.ndim == len(spec.layout):
            return spec.layout
        if "C" in spec.layout and array.ndim == len(spec.layout) - 1:
            return spec.layout.replace("C", "")
    raise _misfit(array.shape, spec)


def _misfit(shape: tuple[int, ...], spec: InputSpec) -> BadInput:
    layout = f" (layout {spec.layout})" if spec.layout else ""
    return BadInput(
        f"shape {list(shape)} does not fit the input {spec.name!r} of shape {list(spec.shape)}{layout}",
        remedy="store the array in that order, or compile with another shape and layout under "
        f"[inputs.{spec.name}]",
    )


def _channels_last(array: NDArray[Any], axes: str, spec: InputSpec) -> NDArray[Any]:
    """(H, W, C) or (D, H, W, C), with a depth axis exactly where the input has one."""
    array = np.moveaxis(array, axes.index("C"), -1) if "C" in axes else array[..., np.newaxis]
    depth = array.shape[0] if "D" in axes else 1
    if "D" in spec.layout:
        if "D" not in axes:
            if spec.shape[spec.layout.index("D")] != 1:
                raise BadInput(f"one picture does not fill the volume of input {spec.name!r}")
            array = array[np.newaxis]
    elif "D" in axes:
        if depth != 1:
            raise BadInput(
                f"{depth} frames do not fit the input {spec.name!r}, which takes one picture",
                remedy=f'set layout = "DHW" under [inputs.{spec.name}], or store one frame a file',
            )
        array = array[0]
    return array


def _channels(array: NDArray[Any], spec: InputSpec, note: Note) -> NDArray[Any]:
    have = array.shape[-1]
    want = spec.shape[spec.layout.index("C")] if "C" in spec.layout else 1
    if have == want:
        return array
    if have == 1 and want == 3:
        note(f"input {spec.name}: gray pictures were repeated in three channels")
        return np.repeat(array, 3, axis=-1)
    if have == 3 and want == 1:
        note(f"input {spec.name}: colour pictures were made gray (ITU-R 601 luma)")
        return _luma(array)[..., np.newaxis]
    raise BadInput(
        f"{have} channels do not fit the {want} of input {spec.name!r} (layout {spec.layout})",
        remedy=f"check the layout under [inputs.{spec.name}]",
    )


def _luma(array: NDArray[Any]) -> NDArray[Any]:
    """ITU-R 601-2 luma, for integers in Pillow's fixed point: (19595 R + 38470 G + 7471 B + 32768) >> 16."""
    if array.dtype.kind == "f":
        return np.asarray(array @ np.array([0.299, 0.587, 0.114], dtype=array.dtype))
    weighted = array.astype(np.int64) @ np.array([19595, 38470, 7471])
    return np.asarray((weighted + 0x8000) >> 16, dtype=array.dtype)
