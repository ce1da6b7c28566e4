"""z_score: each sample's own mean and standard deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgemed.errors import BadInput
from edgemed.preprocess.op import Op, check_finite
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class ZScore(Op):
    """(x - mean) / (std + eps), mean and std (of the population, as numpy's) of the sample or a channel.

    Recipe: `{op = "z_score", over = "sample", eps = 1e-6}`; `over = "channel"` takes each channel alone.
    """

    name: ClassVar[str] = "z_score"
    over: Literal["sample", "channel"] = "sample"
    eps: float = 1e-6

    def __post_init__(self) -> None:
        check_finite(eps=self.eps)
        if self.eps <= 0:
            raise BadInput(f"eps = {self.eps} is not above 0: a constant sample would be divided by 0")

    def after(self, spec: InputSpec) -> InputSpec:
        if self.over == "channel" and "C" not in spec.layout:
            raise BadInput(
                f'over = "channel", but layout {spec.layout!r} has no axis C',
                remedy='use over = "sample", or set the layout of the input',
            )
        return spec

    def write(self, front: Front) -> None:
        kept = "C" if self.over == "channel" else ""
        axes = [front.position(letter) for letter in front.axes if letter not in kept]
        centred = front.emit("Sub", front.tensor, front.mean(front.tensor, axes))
        variance = front.mean(front.emit("Mul", centred, centred), axes)
        spread = front.emit("Add", front.emit("Sqrt", variance), front.constant(self.eps))
        front.tensor = front.emit("Div", centred, spread)
        front.grey_levels, front.gain = None, None
