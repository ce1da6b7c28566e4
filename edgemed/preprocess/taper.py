"""taper: readouts or echo trains weighted towards their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from edgemed.preprocess.raw_op import RawOp

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front

_WINDOWS = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman}


@dataclass(frozen=True)
class Taper(RawOp):
    """Multiply by a window along the samples of each readout, or its falling half along the echoes.

    The windows are numpy's, symmetric: `hann`, `hamming`, `blackman`. Recipe:
    `{op = "taper", window = "hamming", along = "sample"}`.
    """

    name: ClassVar[str] = "taper"
    window: Literal["hann", "hamming", "blackman"]
    along: Literal["sample", "echo"] = "sample"

    def write(self, front: Front) -> None:
        if self.along == "sample":
            samples = front.sizes["S"]
            weights = _WINDOWS[self.window](samples).reshape(1, 1, samples, 1, 1)
        else:
            echoes = front.sizes["E"]
            weights = _WINDOWS[self.window](2 * echoes - 1)[echoes - 1 :].reshape(1, echoes, 1, 1, 1)
        front.then("Mul", front.constant(weights))
