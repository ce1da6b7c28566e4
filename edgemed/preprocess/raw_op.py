"""RawOp: a step on raw MR signals, whose axes are shot, echo, sample, coil, and I and Q."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.preprocess.op import Op
from edgemed.types import InputSpec
from edgemed.types.acquisition import LAYOUT

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front

LEAST = 1e-30
"""Magnitudes are divided by no less: squares of it are still float32."""
_BY_MINUS_I = np.array([[0.0, -1.0], [1.0, 0.0]])
"""(i, q) @ this is (q, -i)."""


class RawOp(Op):
    """Base of the raw-signal steps. The layout stays, and so do axes of length 1."""

    def sized(self, sizes: dict[str, int]) -> dict[str, int]:
        """The lengths of the axes behind this step. Raises `BadInput` where it does not fit them."""
        return sizes

    def after(self, spec: InputSpec) -> InputSpec:
        if spec.layout != LAYOUT or spec.shape[-1] != 2:
            raise BadInput(
                f"this step takes a raw MR signal; shape {list(spec.shape)} has the layout {spec.layout!r}",
                remedy=f'set layout = "{LAYOUT}" (shot, echo, sample, coil, I and Q) and such a shape',
            )
        sizes = self.sized(dict(zip(LAYOUT, spec.shape, strict=True)))
        return replace(spec, shape=tuple(sizes[letter] for letter in LAYOUT))


def shape_but(front: Front, **sizes: int) -> list[int]:
    """The tensor's shape with these axes of another length."""
    return [sizes.get(letter, front.sizes[letter]) for letter in LAYOUT]


def matrix_along(front: Front, letter: str, matrix: NDArray[Any]) -> str:
    """The current tensor, which stays so, multiplied by a real `matrix` (new, old) along one axis."""
    at = LAYOUT.index(letter)
    shape = front.shape(LAYOUT)
    flat = [*shape[:at], shape[at], int(np.prod(shape[at + 1 :]))]
    rows = front.emit("Reshape", front.tensor, front.constant([0, *flat], "int64"))
    product = front.emit("MatMul", front.constant(matrix), rows)
    new = [*shape[:at], len(matrix), *shape[at + 1 :]]
    return front.emit("Reshape", product, front.constant([0, *new], "int64"))


def times_minus_i(front: Front, tensor: str) -> str:
    """Each complex number of `tensor` (..., 2) times -i."""
    return front.emit("MatMul", tensor, front.constant(_BY_MINUS_I))


def part(front: Front, tensor: str, letter: str, start: int, stop: int) -> str:
    """Entries `start` to `stop` - 1 along one axis."""
    bounds = (front.constant([each], "int64") for each in (start, stop, front.position(letter)))
    return front.emit("Slice", tensor, *bounds)


def sum_over(front: Front, tensor: str, letters: str) -> str:
    """ReduceSum, axes kept with length 1. The axes became an input at opset 13."""
    axes = [front.position(letter) for letter in letters]
    if front.opset < 13:
        return front.emit("ReduceSum", tensor, axes=axes, keepdims=1)
    return front.emit("ReduceSum", tensor, front.constant(axes, "int64"), keepdims=1)


def mean_over(front: Front, tensor: str, letters: str) -> str:
    """ReduceMean, axes kept with length 1."""
    return front.mean(tensor, [front.position(letter) for letter in letters])


def magnitude(front: Front, tensor: str) -> str:
    """(..., 1) of complex numbers (..., 2), at least `LEAST`."""
    squares = sum_over(front, front.emit("Mul", tensor, tensor), "Q")
    return front.emit("Max", front.emit("Sqrt", squares), front.constant(LEAST))
