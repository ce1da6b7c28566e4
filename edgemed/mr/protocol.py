"""Protocol: a multi-shot inversion-recovery CPMG sequence, with or without spatial information."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.types import Acquisition, Record, did_you_mean

PROTON_HZ_PER_T = 42.577478461e6
"""Gyromagnetic ratio of the shielded-free proton over 2 pi, CODATA 2022."""
AXES = ("x", "y", "z")


class Protocol(Record):
    """`len(inversion_s)` shots of `shot_s` each, played one after the other from equilibrium.

    A shot starts with an inversion pulse and waits its `inversion_s`, or has neither (None); then it excites
    and refocuses `echoes` times, `echo_spacing_s` apart, and waits for its end. Echo e is read under a
    constant gradient along `readout_axes[e % len(readout_axes)]`, or under none where there are no axes:
    `samples` complex samples, `dwell_s` apart, number `samples // 2` at the middle of the echo. The gradient
    makes `field_of_view_mm` as wide as the receiver's bandwidth 1 / `dwell_s`.

    Raises `BadInput` for times that do not fit into each other.
    """

    name: str
    field_t: float
    inversion_s: tuple[float | None, ...]
    shot_s: float
    echoes: int
    echo_spacing_s: float
    samples: int
    dwell_s: float
    readout_axes: tuple[str, ...] = ()
    field_of_view_mm: float = 320.0

    def __post_init__(self) -> None:
        for name in (
            "field_t",
            "shot_s",
            "echo_spacing_s",
            "dwell_s",
            "field_of_view_mm",
            "echoes",
            "samples",
        ):
            if not 0 < getattr(self, name) < math.inf:
                self._refuse(name, f"{getattr(self, name):g} is not above 0")
        if not self.inversion_s:
            self._refuse("inversion_s", "there is no shot", "give one inversion time or None for each shot")
        for axis in self.readout_axes:
            if axis not in AXES:
                self._refuse("readout_axes", f"{axis!r} is no axis", did_you_mean(axis, AXES))
        for wait in self.inversion_s:
            if wait is not None and not wait > 0:
                self._refuse("inversion_s", f"{wait:g} is not above 0", "None stands for no inversion")
            needed = (wait or 0.0) + self.train_s
            if needed > self.shot_s:
                self._refuse("shot_s", f"a shot of {self.shot_s:g} s cannot hold {needed:g} s of it")
        if self.readout_s > self.echo_spacing_s:
            self._refuse(
                "dwell_s",
                f"{self.readout_s:g} s of readout do not fit between echoes {self.echo_spacing_s:g} s apart",
            )

    @property
    def readout_s(self) -> float:
        return self.samples * self.dwell_s

    @property
    def train_s(self) -> float:
        """From the excitation to the last echo."""
        return self.echoes * self.echo_spacing_s

    @property
    def duration_s(self) -> float:
        return len(self.inversion_s) * self.shot_s

    @property
    def sample_times_s(self) -> NDArray[np.float64]:
        """(samples,) times of a readout's samples from the middle of its echo."""
        return np.asarray((np.arange(self.samples) - self.samples // 2) * self.dwell_s, np.float64)

    @property
    def gradients_hz_per_mm(self) -> NDArray[np.float64]:
        """(axes, 3) the readout gradients that the echoes take in turn; one of zeros where there is none."""
        strength = 1.0 / (self.dwell_s * self.field_of_view_mm)
        rows = [[strength * (axis == own) for axis in AXES] for own in self.readout_axes]
        return np.array(rows or [[0.0] * len(AXES)])

    @property
    def acquisition(self) -> Acquisition:
        return Acquisition(
            dwell_time_s=self.dwell_s,
            larmor_frequency_hz=PROTON_HZ_PER_T * self.field_t,
            echo_times_s=tuple((echo + 1) * self.echo_spacing_s for echo in range(self.echoes)),
            protocol=self.name,
            inversion_times_s=tuple(wait or 0.0 for wait in self.inversion_s),
            repetition_times_s=(self.shot_s,),
        )

    def describe(self) -> str:
        waits = ", ".join("none" if wait is None else f"{1000 * wait:g} ms" for wait in self.inversion_s)
        space = f"read along {'/'.join(self.readout_axes)} in turn" if self.readout_axes else "no gradient"
        return (
            f"{self.name} at {1000 * self.field_t:g} mT: {len(self.inversion_s)} shots of {self.shot_s:g} s "
            f"(inversion times {waits}), {self.echoes} echoes {1000 * self.echo_spacing_s:g} ms apart, "
            f"{space}, {self.samples} samples an echo"
        )

    def _refuse(self, field: str, problem: str, remedy: str = "") -> None:
        raise BadInput(problem, where=f"protocol {self.name!r}: {field}", remedy=remedy)


PROTOCOL_A = Protocol(
    name="ir-cpmg-a",
    field_t=0.05,
    inversion_s=(None, 0.190, 0.400),
    shot_s=1.0,
    echoes=32,
    echo_spacing_s=0.015,
    samples=8,
    dwell_s=0.0008,
)
"""About 3 s without gradients: no spatial information. A setting of this project's own."""

PROTOCOL_B = dataclasses.replace(
    PROTOCOL_A, name="ir-cpmg-b", samples=32, dwell_s=0.0002, readout_axes=("x", "y", "z")
)
"""The same 3 s with projections of the head on three axes. A setting of this project's own."""

PROTOCOLS = {"A": PROTOCOL_A, "B": PROTOCOL_B}
