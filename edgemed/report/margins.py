"""What the judge was asked: the margins of each output and why they are what they are."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from edgemed.report.grounds import IN_UNITS
from edgemed.report.numerals import NO_BREAK
from edgemed.report.tables import TITLES
from edgemed.types.compilation import Compilation
from edgemed.types.judge_spec import JudgeSpec, Margins
from edgemed.types.tensor import Kind, OutputSpec

_OF_CLASSES = ("auc", "sensitivity", "specificity", "brier", "accuracy", "log_loss")
_OF_VALUES = ("bias", "mae", "r2")


@dataclass(frozen=True)
class MarginCell:
    text: str
    given: bool
    """By the recipe: it is not the default."""


@dataclass(frozen=True)
class MarginRow:
    """`cells` has one for each output, in their order."""

    title: str
    cells: tuple[MarginCell, ...]


@dataclass(frozen=True)
class Asked:
    outputs: tuple[str, ...]
    rows: tuple[MarginRow, ...]
    defaults: bool
    """None of them is the recipe's own."""
    recipe: str
    """Its part `judge`, as JSON."""


def asked(compilation: Compilation) -> Asked | None:
    """None for a recipe without that part."""
    part = compilation.recipe.get("judge")
    if part is None:
        return None
    spec = JudgeSpec.from_dict(part)
    outputs = compilation.model.outputs
    names = {name for each in outputs for name in _metrics(each.kind)}
    rows = [
        MarginRow(
            TITLES[field.name],
            tuple(_cell(spec.margins_of(each.name), field.name, each) for each in outputs),
        )
        for field in dataclasses.fields(Margins)
        if field.name in names
    ]
    return Asked(
        tuple(each.name for each in outputs),
        tuple(rows),
        not any(cell.given for row in rows for cell in row.cells),
        json.dumps(part, indent=2),
    )


def _metrics(kind: Kind) -> tuple[str, ...]:
    return _OF_VALUES if kind == "regression" else _OF_CLASSES


def _cell(margins: Margins, name: str, output: OutputSpec) -> MarginCell:
    if name not in _metrics(output.kind):
        return MarginCell("", given=False)
    margin = getattr(margins, name)
    if margin is None:
        text = "none: told only"
    elif margin == "tenth":
        text = "a tenth of the original's mean absolute error"
    else:
        text = f"{margin:g}" + (f"{NO_BREAK}{output.unit}" if output.unit and name in IN_UNITS else "")
    return MarginCell(text, given=margin != getattr(Margins(), name))
