"""phase_reference and amplitude: the signal seen from its own first echoes, whatever the receiver did."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.raw_op import (
    LEAST,
    RawOp,
    magnitude,
    mean_over,
    part,
    sum_over,
    times_minus_i,
)

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class _OfReference(RawOp):
    """The reference is the complex mean over the first `echoes` of the first shot, of the `samples` in the
    middle of each (all of them where 0: under a gradient, take few)."""

    echoes: int = 1
    samples: int = 0

    def __post_init__(self) -> None:
        if self.echoes < 1 or self.samples < 0:
            raise BadInput(f"echoes = {self.echoes}, samples = {self.samples}: no number of these")

    def sized(self, sizes: dict[str, int]) -> dict[str, int]:
        for name, given, axis in (("echoes", self.echoes, "E"), ("samples", self.samples, "S")):
            if given > sizes[axis]:
                raise BadInput(f"{name} = {given}, and there are {sizes[axis]}")
        return sizes

    def reference(self, front: Front) -> str:
        """(N, 1, 1, 1, coils, 2)."""
        samples = self.samples or front.sizes["S"]
        start = (front.sizes["S"] - samples + 1) // 2
        first = part(front, part(front, front.tensor, "T", 0, 1), "E", 0, self.echoes)
        return mean_over(front, part(front, first, "S", start, start + samples), "TES")


class PhaseReference(_OfReference):
    """Turn each coil's signal by its reference's phase, so that the reference becomes real and positive.

    Recipe: `{op = "phase_reference", echoes = 2}`; under a readout gradient
    `{op = "phase_reference", echoes = 1, samples = 3}`.
    """

    name: ClassVar[str] = "phase_reference"

    def write(self, front: Front) -> None:
        reference = self.reference(front)
        unit = front.emit("Div", reference, magnitude(front, reference))
        along, across = (part(front, unit, "Q", at, at + 1) for at in (0, 1))
        turned = times_minus_i(front, front.tensor)
        front.tensor = front.emit(
            "Add", front.emit("Mul", front.tensor, along), front.emit("Mul", turned, across)
        )


class Amplitude(_OfReference):
    """Divide by the reference's magnitude, the root of the mean square over coils: gain goes away.

    Recipe: `{op = "amplitude", echoes = 2}`; `samples` as in `phase_reference`.
    """

    name: ClassVar[str] = "amplitude"

    def write(self, front: Front) -> None:
        reference = self.reference(front)
        power = mean_over(front, sum_over(front, front.emit("Mul", reference, reference), "Q"), "K")
        front.then("Div", front.emit("Max", front.emit("Sqrt", power), front.constant(LEAST)))
        front.gain = None
