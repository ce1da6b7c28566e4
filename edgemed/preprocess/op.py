"""Op: one kind of preprocessing step."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.axes import spatial
from edgemed.types import InputSpec, Record
from edgemed.types.acquisition import LAYOUT

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Op(Record):
    """One step. The dataclass fields are its arguments: name, type and default, read strictly from TOML.

    `__post_init__` checks values that are wrong for any array, `after` those that are wrong for this one;
    both raise `BadInput` without `where`, which the caller knows.
    """

    name: ClassVar[str]

    @abstractmethod
    def after(self, spec: InputSpec) -> InputSpec:
        """Shape and layout of one sample after this step."""

    @abstractmethod
    def write(self, front: Front) -> None:
        """Write the step's nodes behind what `front` holds."""


def check_finite(**values: float | Sequence[float] | None) -> None:
    """Raise `BadInput` where a number, or one in a list, is NaN or infinite."""
    for name, value in values.items():
        numbers = value if isinstance(value, (tuple, list)) else (value,)
        if any(n is not None and not math.isfinite(n) for n in numbers):
            raise BadInput(f"{name} = {value} is not finite")


def check_sizes(name: str, sizes: Sequence[int], spec: InputSpec, least: int = 1) -> None:
    """Raise `BadInput` unless there is one number, at least `least`, for each spatial axis of `spec`."""
    letters = spatial(spec)
    if len(sizes) != len(letters):
        axes = f"the axes {', '.join(letters)}" if spec.layout else f"the {len(letters)} axes"
        raise BadInput(
            f"{name} = {list(sizes)} has {len(sizes)} numbers, but {axes} of shape {list(spec.shape)} "
            f"need {len(letters)}",
            remedy=f"give one number per axis, in the order of the layout {spec.layout!r}",
        )
    if any(n < least for n in sizes):
        raise BadInput(f"{name} = {list(sizes)} has a number below {least}")


def check_picture_axes(spec: InputSpec) -> None:
    """Raise `BadInput` for a raw MR signal, whose axes are none of a picture's or a volume's."""
    if spec.layout == LAYOUT:
        raise BadInput(
            f"this step is for pictures and volumes; shape {list(spec.shape)} is a raw MR signal ({LAYOUT})",
            remedy="for fewer samples use decimate or crop, for another range scale or clip",
        )


def with_sizes(spec: InputSpec, sizes: Sequence[int]) -> InputSpec:
    """`spec` with new lengths of its spatial axes."""
    new = dict(zip(spatial(spec), sizes, strict=True))
    letters = spec.layout or spatial(spec)
    shape = tuple(new.get(letter, n) for letter, n in zip(letters, spec.shape, strict=True))
    return replace(spec, shape=shape)
