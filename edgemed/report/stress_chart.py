"""The course of one head along one axis of a stress test as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgemed.report.axis import Axis, tick_text
from edgemed.report.roc_chart import roc_style
from edgemed.report.stress_text import AXES, METRICS, AxisWords
from edgemed.types.stress import WORTH, Metric, StressAxis, StressFigure

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, LEFT, RIGHT, TOP, HEIGHT, FOOT = 460, 46, 16, 24, 150, 40
LEAST: dict[Metric, float] = {"auc": 0.4, "r2": 0.0}
"""What lies below is drawn at the lower edge."""
ROOM = 34
"""Least distance of two labels below the axis."""


def stress_chart(axis: StressAxis, head: int, models: Sequence[str]) -> Markup:
    """A line for each of `models`, the original's first, of the figures with index `head` of each point.

    The upright line is the base point, the level one `WORTH`. The figures themselves stand in a table.
    """
    from markupsafe import Markup

    figures = [point.figures[head] for point in axis.points]
    metric, words = figures[0].metric, AXES[axis.name]
    scaled = math.log if words.steep else float
    places = [scaled(point.value) for point in axis.points]
    x = Axis(places[0], places[-1], LEFT + 14, WIDTH - RIGHT - 14)
    y = Axis(LEAST[metric], 1.0, TOP + HEIGHT, TOP)
    line = Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    base, worth = x.at(scaled(axis.base)), y.at(WORTH[metric])
    parts = [
        Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(
            LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT
        ),
        line.format("chance", LEFT, WIDTH - RIGHT, worth, worth),
        line.format("one", base, base, TOP, TOP + HEIGHT),
        _levels(y),
        _places(x, places, [words.value(point.value) for point in axis.points]),
    ]
    for index, model in enumerate(models):
        course = " ".join(
            f"{x.at(place):.1f},{y.at(_of(figure, model)):.1f}"
            for place, figure in zip(places, figures, strict=True)
        )
        parts.append(Markup('<polyline class="roc {}" points="{}"/>').format(roc_style(index), course))
    name = f"{METRICS[metric]} of {figures[0].head}"
    return Markup(
        '<svg class="trade-svg" viewBox="0 0 {} {}" role="img" aria-label="{} against {}: {}">{}'
        '<text class="axis-text" x="0" y="12">{}</text>'
        '<text class="axis-text" x="{}" y="{}" text-anchor="end">{}</text></svg>'
    ).format(
        WIDTH, TOP + HEIGHT + FOOT, name, words.title, _spoken(axis, figures, words), Markup("").join(parts),
        name, WIDTH - RIGHT, TOP + HEIGHT + 34, words.title,
    )  # fmt: skip


def _of(figure: StressFigure, model: str) -> float:
    return next((each.value for each in figure.artefacts if each.artefact == model), figure.original)


def _levels(y: Axis) -> Markup:
    from markupsafe import Markup

    text = Markup('<text class="tick-text" x="{}" y="{:.1f}" text-anchor="end">{}</text>')
    return Markup("").join(text.format(LEFT - 6, y.at(at) + 4, tick_text(at)) for at in y.ticks(4))


def _places(x: Axis, places: Sequence[float], labels: Sequence[str]) -> Markup:
    """A mark below each point, and its value where there is room."""
    from markupsafe import Markup

    foot, last = TOP + HEIGHT, -math.inf
    mark = Markup('<line class="tick" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>')
    text = Markup('<text class="tick-text" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    parts = []
    for place, label in zip(places, labels, strict=True):
        at = x.at(place)
        parts.append(mark.format(at, foot, foot + 4))
        if at - last >= ROOM:
            parts.append(text.format(at, foot + 17, label))
            last = at
    return Markup("").join(parts)


def _spoken(axis: StressAxis, figures: Sequence[StressFigure], words: AxisWords) -> str:
    pairs = zip(axis.points, figures, strict=True)
    return "original " + ", ".join(f"{figure.original:.3f} at {words.value(p.value)}" for p, figure in pairs)
