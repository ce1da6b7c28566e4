"""Stress: what original and artefacts make of simulated signals that are ever less like the usual ones."""

from __future__ import annotations

from typing import Any, Literal

from edgemed.errors import BadInput
from edgemed.types.record import Record

STRESS_FILE = "stress.json"
STRESS_VERSION = 1

AxisName = Literal["snr", "samples", "echoes", "block", "relaxation", "gain", "b1"]
Metric = Literal["auc", "r2"]
WORTH: dict[Metric, float] = {"auc": 0.7, "r2": 0.5}
"""From here on the original is worth a comparison: what answers by chance has nothing to lose."""


class Stressed(Record):
    """What one artefact reaches; `loss` is by how much less than the original, with its paired 95 % interval.

    `low` and `high` are None where no interval is given.
    """

    artefact: str
    value: float
    loss: float
    low: float | None = None
    high: float | None = None


class StressFigure(Record):
    """One head at one point."""

    head: str
    metric: Metric
    original: float
    artefacts: tuple[Stressed, ...]


class StressPoint(Record):
    """`refused` is the share of the signals that `Session.run` would not have answered."""

    value: float
    refused: float
    figures: tuple[StressFigure, ...]


class StressAxis(Record):
    """One thing that changes, everything else being as at the point whose value is `base`.

    `snr` per complex sample; `samples`, `echoes` and `block` (of echoes) the share omitted; `relaxation` the
    relative spread of T1 and T2 between heads; `gain` a factor of the signal; `b1` the relative error of
    every flip angle. `points` ascend.
    """

    name: AxisName
    base: float
    points: tuple[StressPoint, ...]


class LargestLoss(Record):
    """The largest loss of a metric where the original reaches `WORTH`, and the most that was allowed.

    `low` and `high`: its paired 95 % interval, None where there is none.
    """

    metric: Metric
    head: str
    artefact: str
    axis: AxisName
    value: float
    original: float
    loss: float
    low: float | None
    high: float | None
    limit: float

    @property
    def exceeded(self) -> bool:
        return self.loss > self.limit


class Stress(Record):
    """`stress.json`. `simulated` is the base point in words, `task` the same in full.

    `models` maps `original` and each artefact that answered to its `Manifest.judged`; `stand_ins` tells of
    those whose hardware was missing what answered instead, `left_out` why others did not answer. `cases` of
    the `heads` have lesions. `largest` holds a loss for each metric that the original ever reaches `WORTH`
    in. `created` is ISO 8601 in UTC.
    """

    created: str
    command: str
    simulated: str
    task: dict[str, Any]
    heads: int
    cases: int
    seed: int
    models: dict[str, str]
    stand_ins: dict[str, str]
    left_out: dict[str, str]
    axes: tuple[StressAxis, ...]
    largest: tuple[LargestLoss, ...]
    limits: dict[str, float]
    """By metric, the most that may be lost."""
    notes: tuple[str, ...] = ()
    format_version: int = STRESS_VERSION

    def __post_init__(self) -> None:
        if self.format_version != STRESS_VERSION:
            raise BadInput(
                f"format version {self.format_version}; this edgemed reads {STRESS_VERSION}",
                where="format_version",
            )

    @property
    def held(self) -> bool:
        """Something was there to lose, and no more of it is lost than was allowed."""
        return bool(self.largest) and not any(each.exceeded for each in self.largest)

    @property
    def artefacts(self) -> tuple[str, ...]:
        return tuple(name for name in self.models if name != "original")
