"""window: a range of values stretched to 0..1."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.op import Op, check_finite, check_picture_axes
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Window(Op):
    """`(x - level) / width + 0.5`, clipped to 0..1: DICOM's LINEAR_EXACT (PS3.3 C.11.2.1.3.2).

    Recipe: `{op = "window", level = 40, width = 400}`.
    """

    name: ClassVar[str] = "window"
    level: float
    width: float

    def __post_init__(self) -> None:
        check_finite(level=self.level, width=self.width)
        if self.width <= 0:
            raise BadInput(f"width = {self.width} is not above 0")

    def after(self, spec: InputSpec) -> InputSpec:
        check_picture_axes(spec)
        return spec

    def write(self, front: Front) -> None:
        front.affine(1 / self.width, 0.5 - self.level / self.width)
        front.then("Clip", front.constant(0.0), front.constant(1.0))
