"""The section on probabilities: temperatures, reliability diagrams, prediction sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgemed.report.numerals import NO_BREAK, count, mark, share, significant
from edgemed.report.reliability_chart import reliability_chart
from edgemed.types.compilation import Compilation
from edgemed.types.verdict import Coverage, Reliability, Temperature

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_QUESTIONS, MOST_MODELS = 6, 4
"""Diagrams that are drawn: classes or labels, and models of each."""


@dataclass(frozen=True)
class Panels:
    """The diagrams of one output and class: (model, what is told of it, drawing)."""

    title: str
    panels: tuple[tuple[str, str, Markup], ...]


@dataclass(frozen=True)
class CoverageRow:
    it: Coverage
    share: str
    between: str
    size: str
    empty: str
    low: bool
    """The whole interval lies below what was asked."""


@dataclass(frozen=True)
class Probabilities:
    temperatures: tuple[Temperature, ...]
    diagrams: tuple[Panels, ...]
    left_out: int
    coverage: tuple[CoverageRow, ...]
    level: str
    """Share of cases whose set should hold the true class."""


def probabilities(compilation: Compilation) -> Probabilities | None:
    """None where there is nothing of the three."""
    if not (compilation.temperatures or compilation.reliability or compilation.coverage):
        return None
    diagrams = _diagrams(compilation)
    drawn = sum(len(each.panels) for each in diagrams)
    coverage = compilation.coverage
    return Probabilities(
        compilation.temperatures,
        tuple(diagrams),
        len(compilation.reliability) - drawn,
        tuple(map(_row, coverage)),
        f"{100 * (1 - coverage[0].level):.4g}{NO_BREAK}%" if coverage else "",
    )


def _diagrams(compilation: Compilation) -> list[Panels]:
    order = ["original before scaling", "original", *([compilation.best] if compilation.best else [])]
    by_question: dict[tuple[str, str], list[Reliability]] = {}
    for each in compilation.reliability:
        by_question.setdefault((each.output, each.label), []).append(each)
    found = []
    for (output, label), those in list(by_question.items())[:MOST_QUESTIONS]:
        shown = sorted(those, key=lambda each: _place(each.model, order))[:MOST_MODELS]
        panels = [(each.model, _told(each), reliability_chart(each)) for each in shown]
        found.append(Panels(f"{output}, {label}" if label else output, tuple(panels)))
    return found


def _place(model: str, order: Sequence[str]) -> int:
    return order.index(model) if model in order else len(order)


def _told(diagram: Reliability) -> str:
    return f"{count(sum(diagram.counts))} cases, expected calibration error {significant(diagram.ece)}"


def _row(each: Coverage) -> CoverageRow:
    return CoverageRow(
        each,
        share(each.share),
        f"{share(each.low)} to {share(each.high)}".replace(f"{NO_BREAK}%", "", 1),
        significant(each.size),
        share(each.empty),
        each.high < 1 - each.level,
    )


def temperature_told(each: Temperature) -> str:
    """What that does to the probabilities."""
    if mark(each.value) == mark(1.0):
        return "as they were"
    return "less extreme" if each.value > 1 else "more extreme"
