"""A reliability diagram as inline SVG: observed share against predicted probability, and the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgemed.report.axis import Axis, tick_text
from edgemed.report.numerals import count, mark
from edgemed.types.verdict import Reliability

if TYPE_CHECKING:
    from markupsafe import Markup

SIDE, LEFT, TOP, RIGHT = 190, 34, 8, 8
COUNTS, GAP, FOOT = 34, 8, 34
WIDTH, HEIGHT = LEFT + SIDE + RIGHT, TOP + SIDE + GAP + COUNTS + FOOT


def reliability_chart(diagram: Reliability) -> Markup:
    """Points with their Wilson intervals over the line of perfect calibration; below, cases in each bin."""
    from markupsafe import Markup

    x, y = Axis(0.0, 1.0, LEFT, LEFT + SIDE), Axis(0.0, 1.0, TOP + SIDE, TOP)
    parts = [
        Markup('<rect class="frame" x="{0}" y="{1}" width="{2}" height="{2}"/>').format(LEFT, TOP, SIDE),
        Markup('<line class="chance" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
            LEFT, TOP + SIDE, LEFT + SIDE, TOP
        ),
        _ticks(x, y),
        _counts(diagram, x),
    ]
    bins = zip(diagram.predicted, diagram.observed, diagram.low, diagram.high, strict=True)
    for predicted, observed, low, high in bins:
        parts.append(
            Markup(
                '<line class="whisker" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>'
                '<g class="kept"><circle class="dot" cx="{0:.1f}" cy="{3:.1f}" r="4"/></g>'
            ).format(x.at(predicted), y.at(low), y.at(high), y.at(observed))
        )
    spoken = "; ".join(
        f"predicted {mark(predicted)}, observed {mark(observed)}, {number} cases"
        for predicted, observed, number in zip(
            diagram.predicted, diagram.observed, diagram.counts, strict=True
        )
    )
    return Markup(
        '<svg class="reliability-svg" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, spoken, Markup("").join(parts))


def _ticks(x: Axis, y: Axis) -> Markup:
    from markupsafe import Markup

    across = Markup('<text class="tick-text" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    down = Markup('<text class="tick-text" x="{}" y="{:.1f}" text-anchor="end">{}</text>')
    base = TOP + SIDE + GAP + COUNTS
    marks = [across.format(x.at(at), base + 14, tick_text(at)) for at in (0.0, 0.5, 1.0)]
    marks += [down.format(LEFT - 5, y.at(at) + 4, tick_text(at)) for at in (0.0, 0.5, 1.0)]
    marks.append(
        Markup(
            '<text class="axis-text" x="{}" y="{}" text-anchor="middle">predicted probability</text>'
        ).format(LEFT + SIDE / 2, base + 29)
    )
    return Markup("").join(marks)


def _counts(diagram: Reliability, x: Axis) -> Markup:
    """A bar for each bin, the largest as high as there is room, with its number beside the strip."""
    from markupsafe import Markup

    most = max(diagram.counts, default=0)
    if not most:
        return Markup("")
    base, width = TOP + SIDE + GAP + COUNTS, 5
    bar = Markup('<rect class="count" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    bars = [
        bar.format(x.at(predicted) - width / 2, base - COUNTS * number / most, width, COUNTS * number / most)
        for predicted, number in zip(diagram.predicted, diagram.counts, strict=True)
    ]
    bars.append(
        Markup('<text class="tick-text" x="{}" y="{}" text-anchor="end">{}</text>').format(
            LEFT - 5, base - COUNTS + 9, count(most)
        )
    )
    return Markup("").join(bars)
