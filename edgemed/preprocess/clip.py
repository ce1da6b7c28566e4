"""clip: a lower and an upper bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.op import Op, check_finite
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Clip(Op):
    """Values below `min` become `min`, above `max` become `max`; either may be left out.

    Recipe: `{op = "clip", min = -1000, max = 1000}`.
    """

    name: ClassVar[str] = "clip"
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        check_finite(min=self.min, max=self.max)
        if self.min is None and self.max is None:
            raise BadInput("clip needs min or max", remedy='{op = "clip", min = 0, max = 1}')
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise BadInput(f"min = {self.min} is not below max = {self.max}")

    def after(self, spec: InputSpec) -> InputSpec:
        return spec

    def write(self, front: Front) -> None:
        low = "" if self.min is None else front.constant(self.min)
        bounds = [low] if self.max is None else [low, front.constant(self.max)]
        front.then("Clip", *bounds)
        front.grey_levels = None
