"""SignalRange: between what bounds the raw MR signals of the calibration set lay."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edgemed.errors import BadInput
from edgemed.types.record import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AGAINST = 0.5
"""Of the usual step from an echo to its next: two exchanged take it backwards whole, noise seldom by half."""


class SignalRange(Record):
    """`rms` is the least and largest root mean square of samples that is taken, in the receiver's unit.

    `envelope` (shots * echoes) is the mean of the signals' root mean squares in each echo, each signal scaled
    to a mean of 1; `likeness` the least correlation of a signal's own with it that is still taken for one.
    `ordered` are the echoes, counted through all shots, that differ from their next by so much more than the
    signals differ in it that the two exchanged would show. `zeros` is the most samples of exactly 0 in one.
    """

    rms: tuple[float, ...]
    envelope: tuple[float, ...]
    likeness: float
    ordered: tuple[int, ...]
    zeros: int

    @cached_property
    def envelope_array(self) -> NDArray[np.float64]:
        return np.array(self.envelope)

    @cached_property
    def centred_envelope(self) -> tuple[NDArray[np.float64], float]:
        """The envelope minus its mean, and the sum of its squares."""
        centred = self.envelope_array - self.envelope_array.mean()
        return centred, float(centred @ centred)

    @cached_property
    def ordered_array(self) -> NDArray[np.intp]:
        return np.array(self.ordered, np.intp)

    @cached_property
    def next_array(self) -> NDArray[np.intp]:
        """The echo behind each of the `ordered`."""
        return self.ordered_array + 1

    @cached_property
    def ordered_steps(self) -> NDArray[np.float64]:
        """From each of the `ordered` echoes to its next, of the `envelope`."""
        steps: NDArray[np.float64] = np.diff(self.envelope_array)[self.ordered_array]
        return steps

    @cached_property
    def least_progress(self) -> NDArray[np.float64]:
        """What a step times the usual one is at least, of the `ordered_steps`."""
        progress: NDArray[np.float64] = self.ordered_steps**2 * -_AGAINST
        return progress

    def __post_init__(self) -> None:
        if len(self.rms) != 2 or not 0 < self.rms[0] <= self.rms[1]:
            raise BadInput("the range of amplitudes is not two numbers above 0, the lower first", where="rms")
        if self.ordered and not 0 <= min(self.ordered) <= max(self.ordered) < len(self.envelope) - 1:
            raise BadInput("an echo that has no next is said to be ordered", where="ordered")
