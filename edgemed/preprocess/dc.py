"""remove_dc: the receiver's constant offset taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.raw_op import RawOp, mean_over, part

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class RemoveDc(RawOp):
    """Subtract the complex mean of each shot's last echoes, in each coil: the receiver's offset, where these
    come so late that no signal is left (fluids decay over seconds at low field).

    Recipe: `{op = "remove_dc", last_echoes = 4}`.
    """

    name: ClassVar[str] = "remove_dc"
    last_echoes: int

    def __post_init__(self) -> None:
        if self.last_echoes < 1:
            raise BadInput(f"last_echoes = {self.last_echoes} is below 1")

    def sized(self, sizes: dict[str, int]) -> dict[str, int]:
        if self.last_echoes > sizes["E"]:
            raise BadInput(f"last_echoes = {self.last_echoes}, and a shot has {sizes['E']}")
        return sizes

    def write(self, front: Front) -> None:
        last = front.sizes["E"]
        tail = part(front, front.tensor, "E", last - self.last_echoes, last)
        front.then("Sub", mean_over(front, tail, "ES"))
