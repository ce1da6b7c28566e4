"""ROC curves as inline SVG: the original below, artefacts above, and where their threshold lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgemed.types.compilation import Compilation, RocCurve
from edgemed.types.figures import Figures

if TYPE_CHECKING:
    from markupsafe import Markup

SIDE, LEFT, TOP = 300, 38, 24
MOST_CURVES = 12
"""Artefacts in a ROC panel: as many as there are line styles beside the original's."""
Point = tuple[float, float]
"""False and true positive rate."""


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
        points = operating_points(compilation, models, output, label)
        panels.append((title, _roc(curves, models, points, 1.0, title)))
        if len(questions) <= 2:
            corner = _roc(curves, models, points, 0.25, f"{title}, enlarged")
            panels.append((f"{title}: upper left corner", corner))
    return panels


def operating_points(
    compilation: Compilation, models: Sequence[str], output: str, label: str
) -> dict[str, Point]:
    """Where each model decides: at the threshold, of several classes at the largest probability."""
    found: dict[str, Point] = {}
    for model in models:
        candidate = compilation.candidate(model)
        told = compilation.original.accept_figures if candidate is None else candidate.accept_figures
        figures = next((each for each in told or () if each.output == output), None)
        if figures is not None and (point := _point(figures, label)) is not None:
            found[model] = point
    return found


def _point(figures: Figures, label: str) -> Point | None:
    found, cleared = figures.get("sensitivity", label), figures.get("specificity", label)
    if found is None or cleared is None or found.value is None or cleared.value is None:
        return None
    return 1 - cleared.value, found.value


def roc_models(compilation: Compilation) -> list[str]:
    """Models in the ROC panels, in the order of their line styles: the original is first."""
    names = dict.fromkeys(curve.model for curve in compilation.roc)
    models = sorted(names, key=lambda name: (name != "original", name != compilation.best))
    return models[: MOST_CURVES + 1]


def roc_style(index: int) -> str:
    """Class of the line of the model with that index: three colours, four dashes, no pair twice."""
    return f"roc-{(index - 1) % 3 + 1} dash-{(index - 1) % 4}" if index else "roc-0"


def _roc(
    curves: Sequence[RocCurve],
    models: Sequence[str],
    points: Mapping[str, Point],
    extent: float,
    title: str,
) -> Markup:
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
        course = " ".join(
            f"{1000 * fpr:.1f},{1000 - 1000 * tpr:.1f}" for fpr, tpr in zip(curve.fpr, curve.tpr, strict=True)
        )
        style = roc_style(models.index(curve.model))
        inner.append(Markup('<polyline class="roc {}" points="{}"/>').format(style, course))
    parts.append(
        Markup('<svg x="{}" y="{}" width="{}" height="{}" viewBox="0 0 {} {}">{}</svg>').format(
            LEFT, TOP, SIDE, SIDE, 1000 * extent, 1000 * extent, Markup("").join(inner)
        )
    )
    parts.extend(
        _spot(models.index(model), fpr / extent, (1 - tpr) / extent)
        for model, (fpr, tpr) in points.items()
        if fpr <= extent and 1 - tpr <= extent
    )
    return Markup(
        '<svg class="roc-svg" viewBox="0 0 {} {}" role="img" aria-label="ROC curves, {}">{}'
        '<text class="axis-text" x="0" y="12">true positive rate</text>'
        '<text class="axis-text" x="{}" y="{}" text-anchor="middle">false positive rate</text></svg>'
    ).format(
        LEFT + SIDE + 12, TOP + SIDE + 40, title, Markup("").join(parts), LEFT + SIDE / 2, TOP + SIDE + 35
    )


def _spot(index: int, across: float, down: float) -> Markup:
    """A square for the original, a disc in the colour of its line for an artefact; shares of the square."""
    from markupsafe import Markup

    x, y = LEFT + across * SIDE, TOP + down * SIDE
    if not index:
        return Markup('<rect class="spot-0" x="{:.1f}" y="{:.1f}" width="13" height="13"/>').format(
            x - 6.5, y - 6.5
        )
    return Markup('<circle class="spot-{}" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(
        (index - 1) % 3 + 1, x, y
    )
