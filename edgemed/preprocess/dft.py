"""dft: the discrete Fourier transform of each readout, as matrix products, which every runtime runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from edgemed.preprocess.raw_op import RawOp, matrix_along, times_minus_i

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Dft(RawOp):
    """The orthonormal DFT along the samples of each readout (or the echoes), zero frequency in the middle.

    `fftshift(fft(ifftshift(x), norm="ortho"))` as numpy's: a readout under a gradient becomes a projection.
    Recipe: `{op = "dft"}` or `{op = "dft", along = "echo"}`.
    """

    name: ClassVar[str] = "dft"
    along: Literal["sample", "echo"] = "sample"

    def write(self, front: Front) -> None:
        letter = "S" if self.along == "sample" else "E"
        n = front.sizes[letter]
        unit = np.fft.ifftshift(np.eye(n), axes=0)
        matrix = np.fft.fftshift(np.fft.fft(unit, axis=0, norm="ortho"), axes=0)
        real = matrix_along(front, letter, matrix.real)
        # i x = -(-i x)
        turned = times_minus_i(front, matrix_along(front, letter, -matrix.imag))
        front.tensor = front.emit("Add", real, turned)
