"""taper: readouts or echo trains weighted towards their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.preprocess.raw_op import RawOp

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front

_WINDOWS = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman}
_NOTHING = 1e-6


class Taper(RawOp):
    """Multiply by a window along the samples of each readout, or its falling half along the echoes.

    The windows are numpy's, symmetric: `hann`, `hamming`, `blackman`. Recipe:
    `{op = "taper", window = "hamming", along = "sample"}`.
    """

    name: ClassVar[str] = "taper"
    window: Literal["hann", "hamming", "blackman"]
    along: Literal["sample", "echo"] = "sample"

    def sized(self, sizes: dict[str, int]) -> dict[str, int]:
        if np.abs(self._weights(sizes)).max() < _NOTHING:
            raise BadInput(
                f"the window {self.window} is 0 at its ends, and {sizes['S']} samples are only these",
                remedy='use window = "hamming", or leave the step out',
            )
        return sizes

    def write(self, front: Front) -> None:
        front.then("Mul", front.constant(self._weights(front.sizes)))

    def _weights(self, sizes: dict[str, int]) -> NDArray[np.float64]:
        """(1, echoes or 1, samples or 1, 1, 1)."""
        window, samples, echoes = _WINDOWS[self.window], sizes["S"], sizes["E"]
        if self.along == "sample":
            return window(samples).reshape(1, 1, samples, 1, 1)
        return window(2 * echoes - 1)[echoes - 1 :].reshape(1, echoes, 1, 1, 1)
