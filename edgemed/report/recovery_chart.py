"""The course of a recovery as inline SVG: loss of held-out samples after each step of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgemed.report.axis import Axis, tick_text
from edgemed.report.numerals import significant
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
    """A line through the losses, a dashed one at that of the original, the state that was kept filled."""
    from markupsafe import Markup

    rows = loss_rows(recovery)
    values = [row.loss for row in rows]
    steep = min(*values, recovery.loss_floor) > 0 and max(values) / min(*values, recovery.loss_floor) > STEEP
    y = _axis([*values, recovery.loss_floor], steep)
    x = Axis(0, len(rows) - 1, LEFT + 18, WIDTH - RIGHT - 12)
    height = math.log10 if steep else float
    points = [(x.at(index), y.at(height(row.loss))) for index, row in enumerate(rows)]
    floor = y.at(height(recovery.loss_floor))
    parts = [
        Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(
            LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT
        ),
        _loss_ticks(y, steep),
        _step_ticks(x, len(rows)),
        Markup('<line class="limit" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>').format(
            LEFT, WIDTH - RIGHT, floor
        ),
        Markup('<text class="limit-text" x="{}" y="{:.1f}" text-anchor="end">original</text>').format(
            WIDTH - RIGHT - 4, floor - 4
        ),
        Markup('<polyline class="course" points="{}"/>').format(
            " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        ),
    ]
    parts += [
        Markup('<g class="{}"><circle class="dot" cx="{:.1f}" cy="{:.1f}" r="{}"/></g>').format(
            "best" if row.kept else "kept", *at, 5 if row.kept else 3
        )
        for row, at in zip(rows, points, strict=True)
    ]
    spoken = "Held-out loss: " + ", ".join(f"{row.state} {significant(row.loss)}" for row in rows)
    axis = "held-out loss, logarithmic" if steep else "held-out loss"
    return Markup(
        '<svg class="trade-svg" viewBox="0 0 {} {}" role="img" aria-label="{}; original {}">{}'
        '<text class="axis-text" x="0" y="12">{}</text></svg>'
    ).format(
        WIDTH, TOP + HEIGHT + FOOT, spoken, significant(recovery.loss_floor), Markup("").join(parts), axis
    )


def _axis(values: list[float], steep: bool) -> Axis:
    low, high = min(values), max(values)
    if steep:
        low, high = math.log10(low), math.log10(high)
    else:
        low = min(low, 0.0)
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
            near = (x.end - x.start) / (steps - 1) < 40
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
