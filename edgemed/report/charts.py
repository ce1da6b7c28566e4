"""Times as inline SVG: no script, no external font, colours from the page's style sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgemed.report.numerals import NO_BREAK, ratio, significant
from edgemed.types.compilation import Compilation

if TYPE_CHECKING:
    from markupsafe import Markup

AXIS_CAP = 3.0


def latency_chart(compilation: Compilation) -> Markup:
    """Time per case relative to the original: a bar and its 95 % whisker per measured candidate.

    Positions are in per cent, so that the text keeps its size on any screen. Bars beyond three times the
    original are cut, with an arrow.
    """
    from markupsafe import Markup

    measured = [each for each in compilation.candidates if each.ratio is not None]
    measured.sort(key=lambda each: each.ratio.ratio if each.ratio else 0.0)
    if not measured:
        return Markup("")
    ends = [(each.ratio.high or each.ratio.ratio) for each in measured if each.ratio]
    top = min(max(1.0, *ends) * 1.06, AXIS_CAP)
    rows = []
    for each in measured:
        if each.ratio is None:
            continue
        low, high = each.ratio.low, each.ratio.high
        spoken = f"{each.id}: {ratio(each.ratio)} of the original's time"
        rows.append(
            _row(
                each.id,
                f"{significant(each.ratio.candidate_ms)}{NO_BREAK}ms",
                _bar(each.ratio.ratio, low, high, top, spoken),
                f"{each.status}{' best' if each.id == compilation.best else ''}",
            )
        )
    base = measured[0].ratio.baseline_ms if measured[0].ratio else 0.0
    original = _bar(1.0, None, None, top, "the original: 1")
    rows.append(_row("original", f"{significant(base)}{NO_BREAK}ms", original, "original"))
    return Markup('<div class="bars">{}{}</div>').format(Markup("").join(rows), _axis(top))


def _row(name: str, text: str, drawing: Markup, status: str) -> Markup:
    from markupsafe import Markup

    return Markup(
        '<div class="bar-row {}"><span class="bar-name">{}</span>{}<span class="bar-value">{}</span></div>'
    ).format(status, name, drawing, text)


def _bar(value: float, low: float | None, high: float | None, top: float, spoken: str) -> Markup:
    from markupsafe import Markup

    def x(at: float) -> str:
        return f"{100 * min(at, top) / top:.2f}%"

    parts = [Markup('<rect class="bar" x="0" y="5" width="{}" height="12"/>').format(x(value))]
    parts.append(Markup('<line class="one" x1="{0}" x2="{0}" y1="0" y2="22"/>').format(x(1.0)))
    if low is not None and high is not None and low < top:
        parts.append(
            Markup('<line class="whisker" x1="{}" x2="{}" y1="11" y2="11"/>').format(x(low), x(high))
        )
        parts += [
            Markup('<line class="whisker" x1="{0}" x2="{0}" y1="7" y2="15"/>').format(x(end))
            for end in (low, high)
            if end < top
        ]
    if value > top:
        parts.append(Markup('<text class="cut" x="100%" dx="-6" y="16" text-anchor="end">▸</text>'))
    return Markup('<svg class="bar-svg" role="img" aria-label="{}" width="100%" height="22">{}</svg>').format(
        spoken, Markup("").join(parts)
    )


def _axis(top: float) -> Markup:
    from markupsafe import Markup

    step = 0.25 if top <= 1.5 else 0.5
    marks = []
    for index in range(int(top / step) + 1):
        at = index * step
        anchor = "start" if index == 0 else "end" if at / top > 0.97 else "middle"
        marks.append(
            Markup(
                '<line class="tick" x1="{0}" x2="{0}" y1="0" y2="5"/>'
                '<text class="tick-text" x="{0}" y="18" text-anchor="{1}">{2}</text>'
            ).format(f"{100 * at / top:.2f}%", anchor, f"{at:g}")
        )
    drawing = Markup('<svg class="bar-svg" aria-hidden="true" width="100%" height="22">{}</svg>').format(
        Markup("").join(marks)
    )
    return Markup(
        '<div class="bar-row axis"><span class="bar-name">ratio to the original</span>{}<span></span></div>'
    ).format(drawing)
