"""The course of a recovery as inline SVG: loss of held-out samples after each step of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from edgemed.report.axis import Axis, tick_text
from edgemed.report.pruning import loss_rows
from edgemed.types.pruning import Recovery

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, LEFT, RIGHT, TOP, HEIGHT, FOOT = 460, 58, 12, 26, 150, 44
STEEP = 20.0
"""Losses that differ by more than this factor are drawn on a logarithmic axis."""
SHORT = ("pruned", "BN")
ROOM = 26
"""Least distance of two labels below the axis."""


def recovery_chart(recovery: Recovery) -> Markup:
    """A line through the losses, with a gap where one was not finite; large the state that is kept."""
    from markupsafe import Markup

    rows = loss_rows(recovery)
    known = [row.loss for row in rows if row.loss is not None]
    if not known:
        return Markup("")
    steep = min(known) > 0 and max(known) / min(known) > STEEP
    scaled = math.log10 if steep else float
    x, y = Axis(0, len(rows) - 1, LEFT + 18, WIDTH - RIGHT - 12), _axis([*map(scaled, known)], steep)
    points = [None if row.loss is None else (x.at(n), y.at(scaled(row.loss))) for n, row in enumerate(rows)]
    parts = [
        Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(
            LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT
        ),
        _loss_ticks(y, steep),
        _step_ticks(x, len(rows)),
        *map(_course, _pieces(points)),
    ]
    parts += [
        Markup('<g class="{}"><circle class="dot" cx="{:.1f}" cy="{:.1f}" r="{}"/></g>').format(
            "best" if row.kept else "kept", *at, 5 if row.kept else 3
        )
        for row, at in zip(rows, points, strict=True)
        if at is not None
    ]
    spoken = ", ".join(f"{row.state} {row.text}" for row in rows)
    axis = "held-out loss, logarithmic" if steep else "held-out loss"
    return Markup(
        '<svg class="trade-svg" viewBox="0 0 {} {}" role="img" aria-label="Held-out loss: {}">{}'
        '<text class="axis-text" x="0" y="12">{}</text></svg>'
    ).format(WIDTH, TOP + HEIGHT + FOOT, spoken, Markup("").join(parts), axis)


def _pieces(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Runs of neighbours that are known."""
    runs = groupby(points, key=lambda at: at is not None)
    return [[at for at in run if at is not None] for known, run in runs if known]


def _course(points: Sequence[tuple[float, float]]) -> Markup:
    from markupsafe import Markup

    return Markup('<polyline class="course" points="{}"/>').format(
        " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    )


def _axis(values: list[float], steep: bool) -> Axis:
    low, high = min(values) if steep else min(0.0, *values), max(values)
    margin = 0.08 * (high - low) or 0.5
    return Axis(low if low == 0 else low - margin, high + margin, TOP + HEIGHT, TOP)


def _loss_ticks(y: Axis, steep: bool) -> Markup:
    from markupsafe import Markup

    if steep:
        powers = range(math.ceil(y.low), math.floor(y.high) + 1)
        marks = [(float(power), f"{10.0**power:g}") for power in powers]
    else:
        marks = [(at, tick_text(at)) for at in y.ticks(5)]
    text = Markup('<text class="tick-text" x="{}" y="{:.1f}" text-anchor="end">{}</text>')
    return Markup("").join(text.format(LEFT - 6, y.at(at) + 4, told) for at, told in marks)


def _step_ticks(x: Axis, steps: int) -> Markup:
    """The two states before the first epoch by name, then the numbers of epochs that have room."""
    from markupsafe import Markup

    apart = max(1, math.ceil(ROOM * (steps - 1) / (x.end - x.start)))
    text = Markup('<text class="tick-text" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    marks = []
    for index in range(steps):
        epoch = index - 1
        if index < 2:
            near = (x.end - x.start) / (steps - 1) < 46
            marks.append(
                text.format(x.at(index), TOP + HEIGHT + (30 if near and index else 17), SHORT[index])
            )
        elif epoch % apart == 0:
            marks.append(text.format(x.at(index), TOP + HEIGHT + 17, epoch))
    marks.append(
        Markup('<text class="axis-text" x="{}" y="{}" text-anchor="end">epoch</text>').format(
            WIDTH - RIGHT, TOP + HEIGHT + 34
        )
    )
    return Markup("").join(marks)
