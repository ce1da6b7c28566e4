"""Stress points: simulated signals that differ from a task's in one thing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.mr.omission import Complex, filled, mean_signal, omission
from edgemed.mr.simulate import add_noise, simulate
from edgemed.mr.spread import Spread
from edgemed.mr.task import Task
from edgemed.types.stress import AxisName

Signals = NDArray[np.complex64]

VALUES: dict[AxisName, tuple[float, ...]] = {
    "snr": (30.0, 100.0, 300.0, 1000.0, 3000.0),
    "samples": (0.1, 0.2, 0.4, 0.6),
    "echoes": (0.1, 0.2, 0.4, 0.6),
    "block": (0.1, 0.2, 0.4, 0.6),
    "relaxation": (0.0, 0.01, 0.02, 0.05, 0.1),
    "gain": (0.5, 0.8, 0.9, 1.1, 1.25, 2.0),
    "b1": (-0.1, -0.05, 0.05, 0.1),
}
"""What each axis goes through, beside its base; see `edgemed.types.stress.StressAxis` for the units."""

SIMULATED: tuple[AxisName, ...] = ("relaxation", "b1")
"""Axes along which each point takes a simulation of its own."""


def base_value(axis: AxisName, task: Task) -> float:
    """Where the task itself lies on an axis."""
    known = {"snr": task.snr, "relaxation": task.spread.relaxation_cv, "b1": task.spread.b1_error}
    return known.get(axis, 1.0 if axis == "gain" else 0.0)


def values(axis: AxisName, task: Task) -> tuple[float, ...]:
    """All points of an axis, the base among them, ascending."""
    return tuple(sorted({*VALUES[axis], base_value(axis, task)}))


@dataclass(frozen=True)
class BasePoint:
    """Subjects 0 to n of a task and seed: `signals` and, without noise, `clean`, of `simulate`'s form.

    `lesion` (n,) is 1 for a case, `lesion_ml` (n,) its lesions.
    """

    task: Task
    seed: int
    signals: Signals
    clean: Signals
    lesion: NDArray[np.uint8]
    lesion_ml: NDArray[np.float64]

    @classmethod
    def of(cls, task: Task, heads: int, seed: int) -> BasePoint:
        """Raises `BadInput` where no two kinds of heads are among them, and what `simulate` raises."""
        made = simulate(task, heads, seed, keep_clean=True)
        assert made.clean is not None
        if len(np.unique(made.lesion)) < 2:
            raise BadInput(
                f"{heads} heads of seed {seed} are all {'cases' if made.lesion[0] else 'controls'}",
                where="--heads",
                remedy="simulate more, such as --heads 500, or give another --seed",
            )
        return cls(task, seed, made.signals, made.clean, made.lesion, made.lesion_ml)

    @cached_property
    def template(self) -> Complex:
        """(shots, echoes, samples, coils), see `edgemed.mr.omission.FILL`."""
        return mean_signal(self.signals)

    def at(self, axis: AxisName, value: float) -> Signals:
        """The same subjects where the task has `value` on `axis`, in the form of `signals`.

        The shape of their noise stays, and with it, on each axis, all that the axis does not change. A gain
        multiplies signal and noise alike.
        """
        if value == base_value(axis, self.task):
            return self.signals
        if axis == "snr":
            return add_noise(self.clean, value, self.seed)
        if axis == "gain":
            return self.signals * np.float32(value)
        if axis == "relaxation":
            return self._simulated(dataclasses.replace(self.task.spread, relaxation_cv=value))
        if axis == "b1":
            return self._simulated(dataclasses.replace(self.task.spread, b1_error=value))
        shots, echoes, samples = self.signals.shape[1:4]
        return np.stack(
            [
                filled(
                    signal,
                    omission(axis, value, (shots, echoes, samples), seed=self.seed, number=number),
                    self.template,
                )
                for number, signal in enumerate(self.signals)
            ]
        )

    def _simulated(self, spread: Spread) -> Signals:
        task = dataclasses.replace(self.task, spread=spread)
        return simulate(task, len(self.signals), self.seed).signals
