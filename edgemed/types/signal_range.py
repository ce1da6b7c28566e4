"""SignalRange: between what bounds the raw MR signals of the calibration set lay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.types.record import Record


@dataclass(frozen=True)
class SignalRange(Record):
    """`rms` is the least and largest root mean square of samples that is taken, in the receiver's unit.

    `envelope` (shots * echoes) is the mean of the signals' root mean squares in each echo, each signal scaled
    to a mean of 1; `likeness` the least correlation of a signal's own with it that is still taken for one.
    """

    rms: tuple[float, ...]
    envelope: tuple[float, ...]
    likeness: float

    @cached_property
    def envelope_array(self) -> NDArray[np.float64]:
        return np.array(self.envelope)

    def __post_init__(self) -> None:
        if len(self.rms) != 2 or not 0 < self.rms[0] <= self.rms[1]:
            raise BadInput("the range of amplitudes is not two numbers above 0, the lower first", where="rms")
