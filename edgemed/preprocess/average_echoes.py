"""average_echoes: neighbouring echoes of a train made one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.raw_op import RawOp

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class AverageEchoes(RawOp):
    """The complex mean of each `every` echoes that follow one another. Recipe:
    `{op = "average_echoes", every = 4}`.
    """

    name: ClassVar[str] = "average_echoes"
    every: int

    def __post_init__(self) -> None:
        if self.every < 2:
            raise BadInput(f"every = {self.every} is below 2")

    def sized(self, sizes: dict[str, int]) -> dict[str, int]:
        if sizes["E"] % self.every:
            raise BadInput(
                f"{sizes['E']} echoes are not a multiple of every = {self.every}",
                remedy="crop the train first, or give another number",
            )
        return {**sizes, "E": sizes["E"] // self.every}

    def write(self, front: Front) -> None:
        shots, echoes, samples, coils = front.shape("TESK")
        front.reshape([shots, echoes // self.every, self.every, samples * coils * 2])
        front.tensor = front.mean(front.tensor, [3])
        front.reshape([shots, echoes // self.every, samples, coils, 2])
        front.sizes["E"] = echoes // self.every
