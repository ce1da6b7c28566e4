"""Small charts as inline SVG: no script, no external font, colours from the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgemed.report.numerals import NO_BREAK, ratio, significant
from edgemed.types.compilation import Compilation, RocCurve

if TYPE_CHECKING:
    from markupsafe import Markup

AXIS_CAP = 3.0
SIDE, LEFT, TOP = 300, 38, 24
MOST_CURVES = 12
"""Artefacts in a ROC panel: as many as there are line styles beside the original's."""


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


def roc_panels(compilation: Compilation) -> list[tuple[str, Markup]]:
    """(title, SVG) of each output and label: original below, artefacts above.

    With one or two questions each also gets its upper left corner enlarged.
    """
    questions = list(dict.fromkeys((curve.output, curve.label) for curve in compilation.roc))
    models = roc_models(compilation)
    panels = []
    for output, label in questions:
        curves = [
            curve
            for curve in compilation.roc
            if (curve.output, curve.label) == (output, label) and curve.model in models
        ]
        title = f"{output}, {label}" if label else output
        panels.append((title, _roc(curves, models, 1.0, title)))
        if len(questions) <= 2:
            panels.append((f"{title}: upper left corner", _roc(curves, models, 0.25, f"{title}, enlarged")))
    return panels


def roc_models(compilation: Compilation) -> list[str]:
    """Models in the ROC panels, in the order of their line styles: the original is first."""
    names = dict.fromkeys(curve.model for curve in compilation.roc)
    models = sorted(names, key=lambda name: (name != "original", name != compilation.best))
    return models[: MOST_CURVES + 1]


def roc_style(index: int) -> str:
    """Class of the line of the model with that index: three colours, four dashes, no pair twice."""
    return f"roc-{(index - 1) % 3 + 1} dash-{(index - 1) % 4}" if index else "roc-0"


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


def _roc(curves: Sequence[RocCurve], models: Sequence[str], extent: float, title: str) -> Markup:
    """The upper left square of side `extent`. A nested svg cuts the curves at its edge."""
    from markupsafe import Markup

    steps = 4 if extent == 1.0 else 5
    parts = [Markup('<rect class="frame" x="{0}" y="{1}" width="{2}" height="{2}"/>').format(LEFT, TOP, SIDE)]
    for index in range(steps + 1):
        along = index / steps
        parts.append(
            Markup(
                '<text class="tick-text" x="{}" y="{}" text-anchor="middle">{:.3g}</text>'
                '<text class="tick-text" x="{}" y="{}" text-anchor="end">{:.3g}</text>'
            ).format(
                LEFT + along * SIDE,
                TOP + SIDE + 17,
                along * extent,
                LEFT - 7,
                TOP + (1 - along) * SIDE + 4,
                1 - extent * (1 - along),
            )
        )
    inner = [Markup('<line class="chance" x1="0" y1="1000" x2="1000" y2="0"/>')]
    for curve in sorted(curves, key=lambda each: models.index(each.model)):
        points = " ".join(
            f"{1000 * fpr:.1f},{1000 - 1000 * tpr:.1f}" for fpr, tpr in zip(curve.fpr, curve.tpr, strict=True)
        )
        style = roc_style(models.index(curve.model))
        inner.append(Markup('<polyline class="roc {}" points="{}"/>').format(style, points))
    parts.append(
        Markup('<svg x="{}" y="{}" width="{}" height="{}" viewBox="0 0 {} {}">{}</svg>').format(
            LEFT, TOP, SIDE, SIDE, 1000 * extent, 1000 * extent, Markup("").join(inner)
        )
    )
    return Markup(
        '<svg class="roc-svg" viewBox="0 0 {} {}" role="img" aria-label="ROC curves, {}">{}'
        '<text class="axis-text" x="0" y="12">true positive rate</text>'
        '<text class="axis-text" x="{}" y="{}" text-anchor="middle">false positive rate</text></svg>'
    ).format(
        LEFT + SIDE + 12, TOP + SIDE + 40, title, Markup("").join(parts), LEFT + SIDE / 2, TOP + SIDE + 35
    )
