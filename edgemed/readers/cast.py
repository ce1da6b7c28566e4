"""Casting between dtypes without losing a value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput


def cast(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """`array` of integers or floats as `dtype` (native byte order, C order, own memory), every value kept.

    Integers may become any dtype that holds their values; floats any float (rounded to its precision).
    Raises `BadInput` for float to integer, values out of range, NaN and infinity.
    """
    target = np.dtype(dtype)
    if array.dtype.kind == "f":
        if target.kind != "f":
            raise BadInput(
                f"{array.dtype.name} values do not become {dtype} without loss",
                remedy="give the integers as they were recorded, before any scaling to 0..1; an artefact "
                'that takes floats needs dtype = "float32" under [inputs.NAME]',
            )
        if not np.isfinite(array).all():
            raise BadInput("the data holds NaN or infinite values")
        with np.errstate(over="ignore"):
            result = np.array(array, dtype=target, order="C")
        if not np.isfinite(result).all():
            raise BadInput(f"the data holds values beyond the range of {dtype}")
        return result
    _check_range(array, target)
    return np.array(array, dtype=target, order="C")


def as_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """`array` of integers or floats as it is, booleans as uint8. Raises `BadInput` for complex and text."""
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.uint8)
    if kind == "c":
        raise BadInput(
            f"complex data ({array.dtype.name}) is not an input",
            remedy="store real and imaginary parts as two channels",
        )
    if kind not in "fiu":
        raise BadInput(f"data of dtype {array.dtype} are not numbers")
    return array


def _check_range(array: NDArray[Any], target: np.dtype[Any]) -> None:
    if np.can_cast(array.dtype, target, "safe") or not array.size:
        return
    if target.kind == "f":
        highest = 2 ** (np.finfo(target).nmant + 1)
        lowest = -highest
    else:
        lowest, highest = int(np.iinfo(target).min), int(np.iinfo(target).max)
    low, high = int(array.min()), int(array.max())
    if low < lowest or high > highest:
        raise BadInput(f"values from {low} to {high} do not become {target.name} without loss")
