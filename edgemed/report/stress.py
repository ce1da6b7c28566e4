"""The section on robustness: original and artefacts on simulated signals that are less and less usual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgemed.report.numerals import share
from edgemed.report.roc_chart import MOST_CURVES
from edgemed.report.stress_chart import LEAST, stress_chart
from edgemed.report.stress_text import AXES, METRICS, answer, between, lost, notes, reached
from edgemed.types.stress import WORTH, Stress, StressAxis, Stressed

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    value: str
    lost: str
    between: str


@dataclass(frozen=True)
class Row:
    value: str
    base: bool
    refused: str
    original: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Course:
    """One head along one axis."""

    title: str
    metric: str
    chart: Markup
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Along:
    title: str
    courses: tuple[Course, ...]


@dataclass(frozen=True)
class StressSection:
    """`drawn` are the models with a line, the original first; tables have those of all artefacts."""

    it: Stress
    answer: tuple[str, ...]
    notes: tuple[str, ...]
    drawn: tuple[str, ...]
    levels: str
    axes: tuple[Along, ...]


def stress_section(stress: Stress) -> StressSection:
    drawn = ("original", *stress.artefacts)[: MOST_CURVES + 1]
    metrics = [metric for metric in METRICS if metric in stress.limits]
    return StressSection(
        it=stress,
        answer=tuple(answer(stress)),
        notes=tuple(notes(stress)),
        drawn=drawn,
        levels=" and ".join(
            f"{METRICS[each]} {WORTH[each]:g} (drawn from {LEAST[each]:g} on)" for each in metrics
        ),
        axes=tuple(
            Along(
                AXES[axis.name].title,
                tuple(_course(axis, head, drawn) for head in range(len(axis.points[0].figures))),
            )
            for axis in stress.axes
        ),
    )


def _course(axis: StressAxis, head: int, drawn: tuple[str, ...]) -> Course:
    first = axis.points[0].figures[head]
    rows = []
    for point in axis.points:
        figure = point.figures[head]
        cells = [_cell(each, reached(figure.metric, each.value)) for each in figure.artefacts]
        rows.append(
            Row(
                AXES[axis.name].value(point.value),
                point.value == axis.base,
                share(point.refused),
                reached(figure.metric, figure.original),
                tuple(cells),
            )
        )
    name = METRICS[first.metric]
    return Course(f"{name} of {first.head}", name, stress_chart(axis, head, drawn), tuple(rows))


def _cell(stressed: Stressed, value: str) -> Cell:
    return Cell(value, lost(stressed.loss), between(stressed))
