"""RawSignal: what an MR receiver took, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edgemed.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgemed.types.acquisition import Acquisition


@dataclass(frozen=True)
class RawSignal:
    """`samples` complex64 (shots, echoes, samples, coils), in the receiver's own unit.

    `header` is the file's own, as text, "" where it has none; it may name a patient. Raises `BadInput` for
    samples of another form, and where there is not one echo time for each echo.
    """

    samples: NDArray[np.complex64]
    acquisition: Acquisition
    header: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.samples.dtype != np.complex64 or self.samples.ndim != 4 or not self.samples.size:
            raise BadInput(
                f"samples are {self.samples.dtype} of shape {self.samples.shape}; expected complex64 "
                "(shots, echoes, samples, coils)"
            )
        if len(self.acquisition.echo_times_s) != self.samples.shape[1]:
            raise BadInput(
                f"{len(self.acquisition.echo_times_s)} echo times for {self.samples.shape[1]} echoes",
                where="acquisition.echo_times_s",
            )

    @property
    def array(self) -> NDArray[np.float32]:
        """(shots, echoes, samples, coils, 2) float32, I and Q last: what a graph takes (`LAYOUT`)."""
        return np.ascontiguousarray(self.samples).view(np.float32).reshape(*self.samples.shape, 2)
