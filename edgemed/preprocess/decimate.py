"""decimate: a lower sampling rate behind a stated low-pass filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.preprocess.raw_op import RawOp, matrix_along

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Decimate(RawOp):
    """Keep one of `factor` samples of each readout, behind a linear-phase low-pass.

    A windowed sinc (Hamming) of `taps`, an odd number, that cuts at the new Nyquist frequency, 1 / (2 factor)
    of the old sampling rate, with a gain of 1 at 0. The echo's middle, number samples // 2, is one
    of the samples kept. Taps beyond the ends of a readout are left out, and the others scaled to a sum of 1.
    Recipe: `{op = "decimate", factor = 4, taps = 33}`; `taps` is 8 factor + 1 where it is left out.
    """

    name: ClassVar[str] = "decimate"
    factor: int
    taps: int = 0

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise BadInput(f"factor = {self.factor} is below 2")
        if self.taps and (self.taps < 3 or self.taps % 2 == 0):
            raise BadInput(
                f"taps = {self.taps} is not an odd number from 3", remedy="leave it out: 8 factor + 1"
            )

    def sized(self, sizes: dict[str, int]) -> dict[str, int]:
        if sizes["S"] % self.factor:
            raise BadInput(
                f"{sizes['S']} samples are not a multiple of factor = {self.factor}",
                remedy="crop the readout first, or give another factor",
            )
        return {**sizes, "S": sizes["S"] // self.factor}

    def write(self, front: Front) -> None:
        front.tensor = matrix_along(front, "S", self.matrix(front.sizes["S"]))
        front.sizes["S"] //= self.factor

    def matrix(self, samples: int) -> NDArray[np.float64]:
        """(samples / factor, samples)."""
        taps = self.taps or 8 * self.factor + 1
        offsets = np.arange(taps) - taps // 2
        response = np.sinc(offsets / self.factor) * np.hamming(taps)
        centres = np.arange(samples // self.factor) * self.factor + samples // 2 % self.factor
        distance = np.arange(samples) - centres[:, None] + taps // 2
        near = (distance >= 0) & (distance < taps)
        weights = np.where(near, response[np.clip(distance, 0, taps - 1)], 0.0)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))
