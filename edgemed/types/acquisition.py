"""Acquisition: how an MR receiver took its signal."""

from __future__ import annotations

import math
from typing import Final

from edgemed.errors import BadInput
from edgemed.types.record import Record

_REMEDY = (
    "signals must be taken as in the first file of the set, or in the artefact's contract: acquire again "
    "with that protocol"
)
LAYOUT: Final = "TESKQ"
"""Axes of a raw signal as a model's input: shot, echo, sample, coil, and I and Q."""
SAME_TIME = 1e-3
"""Relative: receivers divide one clock, so a rate that is not the same is another one."""
SAME_FREQUENCY = 1e-2
"""Relative: permanent magnets drift by some tenths of a percent with temperature."""
LOWEST_LARMOR_HZ = 1000.0
"""What is lower was given in MHz: protons in the earth's field have twice as much."""

_Times = tuple[float, ...] | None


class Acquisition(Record):
    """How a raw MR signal was taken: what its samples do not show.

    `dwell_time_s` is the time between two complex samples of a readout, `larmor_frequency_hz` the frequency
    at the receiver's centre, `echo_times_s` (echoes,) when the middle of each echo comes after its shot's
    excitation, `protocol` the sequence's name. `inversion_times_s` (0 for no inversion) and
    `repetition_times_s` are those that the sequence states, one for all shots or one for each, and None where
    it states none. Raises `BadInput` for times and frequencies that are none, and for a Larmor frequency
    below `LOWEST_LARMOR_HZ`.
    """

    dwell_time_s: float
    larmor_frequency_hz: float
    echo_times_s: tuple[float, ...]
    protocol: str
    inversion_times_s: tuple[float, ...] | None = None
    repetition_times_s: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("dwell_time_s", "larmor_frequency_hz"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise BadInput(f"{name} {value:g} is not above 0", where=f"acquisition.{name}")
        if self.larmor_frequency_hz < LOWEST_LARMOR_HZ:
            given = self.larmor_frequency_hz
            raise BadInput(
                f"{given:g} Hz is too low for a Larmor frequency",
                where="acquisition.larmor_frequency_hz",
                remedy=f"give it in Hz, not MHz: {given:g} MHz are {1e6 * given:.10g}",
            )
        for earlier, later in zip((0.0, *self.echo_times_s), self.echo_times_s, strict=False):
            if not earlier < later < math.inf:
                raise BadInput(
                    "the echo times do not ascend from above 0",
                    where="acquisition.echo_times_s",
                    remedy="give the time of each echo after its shot's excitation, in seconds",
                )
        for name in ("inversion_times_s", "repetition_times_s"):
            for value in getattr(self, name) or ():
                if not 0 <= value < math.inf:
                    raise BadInput(f"{name} {value:g} is below 0", where=f"acquisition.{name}")

    def describe(self, shape: tuple[int, ...]) -> str:
        """With the shape of a signal: shots, echoes, samples, coils and I/Q."""
        times = self.echo_times_s
        stated = (("inversion", self.inversion_times_s), ("repetition", self.repetition_times_s))
        return (
            f"{' x '.join(map(str, shape[:4]))} (shots x echoes x samples x coils), "
            f"protocol {self.protocol!r}, dwell time {1e6 * self.dwell_time_s:g} us, "
            f"Larmor frequency {self.larmor_frequency_hz / 1e6:.4g} MHz, "
            f"echo times {1e3 * times[0]:g}{f' to {1e3 * times[-1]:g}' if len(times) > 1 else ''} ms"
        ) + "".join(f", {name} times {_listed(values, 1e3)} ms" for name, values in stated if values)

    def check(self, found: Acquisition) -> None:
        """Raises `BadInput` that names what was expected where `found` is another acquisition than this.

        What this does not state is not compared; what this states and `found` does not is refused.
        """
        if found == self:
            return
        larmor_hz = (self.larmor_frequency_hz,), (found.larmor_frequency_hz,)
        rows: tuple[tuple[str, str, _Times, _Times, float], ...] = (
            ("dwell time", "s", (self.dwell_time_s,), (found.dwell_time_s,), SAME_TIME),
            ("Larmor frequency", "Hz", *larmor_hz, SAME_FREQUENCY),
            ("echo times", "s", self.echo_times_s, found.echo_times_s, SAME_TIME),
            ("inversion times", "s", self.inversion_times_s, found.inversion_times_s, SAME_TIME),
            ("repetition times", "s", self.repetition_times_s, found.repetition_times_s, SAME_TIME),
        )
        for what, unit, wanted, given, near in rows:
            if wanted is None:
                continue
            if given is None:
                raise BadInput(f"no {what} are stated, expected {_listed(wanted)} {unit}", remedy=_REMEDY)
            if len(wanted) != len(given):
                raise BadInput(f"the signal has {len(given)} {what}, expected {len(wanted)}", remedy=_REMEDY)
            for expected, value in zip(wanted, given, strict=True):
                if not math.isclose(expected, value, rel_tol=near):
                    raise BadInput(f"{what} {value:g} {unit}, expected {expected:g} {unit}", remedy=_REMEDY)
        if self.protocol != found.protocol:
            raise BadInput(f"protocol {found.protocol!r}, expected {self.protocol!r}", remedy=_REMEDY)


def _listed(times: tuple[float, ...], scale: float = 1.0) -> str:
    return ", ".join(f"{scale * time:g}" for time in times)
