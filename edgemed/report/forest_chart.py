"""Forest plot: each deciding difference with its interval, in units of its own margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgemed.report.axis import Axis
from edgemed.report.grounds import between, margin_of, room, title_of
from edgemed.report.numerals import MINUS, NO_BREAK, change
from edgemed.report.outcome_mark import look, outcome_mark
from edgemed.types.tensor import OutputSpec
from edgemed.types.verdict import Difference

if TYPE_CHECKING:
    from markupsafe import Markup

HEIGHT = 26
MOST = 30
"""Rows; of more, those nearest to their margin or beyond it."""
FARTHEST, NEAREST = -6.0, -1.25
"""In margins: the left end of the drawing lies between."""
BESIDE = 0.25
"""Of the way from the left end to 0 as much is left to its right: "better" has room on a telephone too."""
ROOM = 45.0
"""Per cent between the margin and 0 that have room for a word on a telephone too."""


def forest_chart(deciding: Sequence[Difference], specs: Sequence[OutputSpec] = ()) -> Markup:
    """A row each: name, interval with the lines of 0 and of the margin, the absolute figures, the outcome.

    Positions are in per cent, so that the text keeps its size on any screen. What lies beyond an end is cut,
    with an arrow. Margins have the units of `specs`; of several, the name of the output is told.
    """
    from markupsafe import Markup

    shown = drawn(deciding)
    if not shown:
        return Markup("")
    axis = _axis(shown)
    rows = [_row(each, axis, specs) for each in shown]
    return Markup('<div class="forest">{}{}</div>').format(Markup("").join(rows), _foot(axis))


def drawn(deciding: Sequence[Difference]) -> list[Difference]:
    """Those with a row, in their own order."""
    nearest = sorted(deciding, key=room)[:MOST]
    return [each for each in deciding if each in nearest]


def _axis(shown: Sequence[Difference]) -> Axis:
    """0 to 100 per cent, from the least lower to the largest upper bound in margins, within limits."""
    ends = [bound / each.margin for each in shown if each.margin for bound in _bounds(each)]
    low = min([NEAREST, *(1.08 * end for end in ends)])
    low = max(low, FARTHEST)
    high = max([0.6, BESIDE * -low, *(1.08 * end for end in ends)])
    return Axis(low, min(high, 2.0), 0.0, 100.0)


def _bounds(each: Difference) -> tuple[float, ...]:
    return tuple(bound for bound in (each.low, each.high) if bound is not None)


def _row(each: Difference, axis: Axis, specs: Sequence[OutputSpec]) -> Markup:
    from markupsafe import Markup

    title, bounds, margin = title_of(each, output=len(specs) > 1), between(each), margin_of(each, specs)
    outcome = each.outcome or ""
    found = f"{change(each.metric, each.difference)} ({bounds})" if bounds else each.reason or "not known"
    spoken = f"{title}: {found}, margin {margin}: {outcome}"
    return Markup(
        '<div class="forest-row {}"><span class="forest-name">{}</span>'
        '<svg class="forest-svg" role="img" aria-label="{}" width="100%" height="{}">{}</svg>'
        '<span class="forest-value">{}</span><span class="forest-margin">margin{}{}</span>'
        '<span class="forest-outcome">{}</span></div>'
    ).format(
        look(each.outcome), title, spoken, HEIGHT,
        Markup("").join([_lines(axis, HEIGHT), _interval(each, axis)]),
        found, NO_BREAK, margin, outcome,
    )  # fmt: skip


def _lines(axis: Axis, height: float) -> Markup:
    """The ground beyond the margin, the margin and 0."""
    from markupsafe import Markup

    return Markup(
        '<rect class="beyond" x="0" y="0" width="{0}%" height="{2}"/>'
        '<line class="limit" x1="{0}%" x2="{0}%" y1="0" y2="{2}"/>'
        '<line class="zero" x1="{1}%" x2="{1}%" y1="0" y2="{2}"/>'
    ).format(_at(axis.at(-1.0)), _at(axis.at(0.0)), height)


def _interval(each: Difference, axis: Axis) -> Markup:
    from markupsafe import Markup

    if each.difference is None or each.low is None or each.high is None or not each.margin:
        return Markup("")
    middle = HEIGHT / 2
    ends = each.low / each.margin, each.high / each.margin
    parts = [
        Markup('<line class="span" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>').format(
            *(_at(axis.at(end)) for end in ends), y=middle
        )
    ]
    parts += [
        Markup('<line class="span" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>').format(
            _at(axis.at(end)), middle - 4, middle + 4
        )
        for end in ends
        if axis.holds(end)
    ]
    arrow = Markup('<text class="beyond-end" x="{}%" y="18" text-anchor="{}">{}</text>')
    if ends[0] < axis.low:
        parts.append(arrow.format(0, "start", "◂"))
    if ends[1] > axis.high:
        parts.append(arrow.format(100, "end", "▸"))
    if axis.holds(each.difference / each.margin) and each.outcome:
        parts.append(
            Markup('<svg class="at" x="{}%" y="{}" width="1" height="1">{}</svg>').format(
                _at(axis.at(each.difference / each.margin)), middle, outcome_mark(each.outcome)
            )
        )
    return Markup("").join(parts)


def _foot(axis: Axis) -> Markup:
    from markupsafe import Markup

    text = Markup('<text class="tick-text" x="{}%" dx="{}" y="14" text-anchor="{}">{}</text>')
    marks = [
        text.format(_at(axis.at(-1.0)), 0, "middle", f"{MINUS}margin"),
        text.format(_at(axis.at(0.0)), 0, "middle", "0"),
        text.format(_at(axis.at(0.0)), 14, "start", "better ▸"),
    ]
    if axis.at(0.0) - axis.at(-1.0) > ROOM:
        marks.append(text.format(_at(axis.at(0.0)), -14, "end", "◂ worse"))
    drawing = Markup('<svg class="forest-svg" aria-hidden="true" width="100%" height="20">{}</svg>').format(
        Markup("").join(marks)
    )
    return Markup('<div class="forest-row foot"><span></span>{}</div>').format(drawing)


def _at(position: float) -> str:
    return f"{position:.2f}"
