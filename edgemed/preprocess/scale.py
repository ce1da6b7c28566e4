"""scale: one factor and one offset for all values."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.op import Op, check_finite
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Scale(Op):
    """x * by + offset. `by` may be written as a fraction.

    Recipe: `{op = "scale", by = "1/255"}` or `{op = "scale", by = 2, offset = -1}`.
    """

    name: ClassVar[str] = "scale"
    by: float = 1.0
    offset: float = 0.0

    @classmethod
    def unfold(cls, data: dict[str, Any], where: str) -> dict[str, Any]:
        by = data.get("by")
        if not isinstance(by, str):
            return data
        try:
            return {**data, "by": float(Fraction(by))}
        except (ValueError, ZeroDivisionError, OverflowError):
            raise BadInput(
                f"by = {by!r} is not a number or a fraction",
                where=where,
                remedy='{op = "scale", by = "1/255"}',
            ) from None

    def __post_init__(self) -> None:
        check_finite(by=self.by, offset=self.offset)
        if self.by == 0:
            raise BadInput("scale by 0 leaves nothing of the input")

    def after(self, spec: InputSpec) -> InputSpec:
        return spec

    def write(self, front: Front) -> None:
        front.affine(self.by, self.offset)
