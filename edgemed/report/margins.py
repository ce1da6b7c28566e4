"""What the judge was asked: the margins of each output and why they are what they are."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from edgemed.report.tables import TITLES
from edgemed.types.compilation import Compilation
from edgemed.types.judge_spec import JudgeSpec, Margins
from edgemed.types.tensor import Kind

_OF_CLASSES = ("auc", "sensitivity", "specificity", "brier", "accuracy", "log_loss")
_OF_VALUES = ("bias", "mae", "r2")
_ALWAYS = ("bias", "mae")
"""Without a margin of their own they have one that follows from the original."""


@dataclass(frozen=True)
class MarginRow:
    """`margins` has a text for each output, in their order."""

    title: str
    margins: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    outputs: tuple[str, ...]
    rows: tuple[MarginRow, ...]
    defaults: bool
    """None was set by the recipe."""
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
            tuple(_told(spec.margins_of(each.name), field.name, each.kind, each.unit) for each in outputs),
        )
        for field in dataclasses.fields(Margins)
        if field.name in names
    ]
    return Asked(
        tuple(each.name for each in outputs),
        tuple(rows),
        spec.margins == Margins() and not spec.outputs,
        json.dumps(part, indent=2),
    )


def _metrics(kind: Kind) -> tuple[str, ...]:
    return _OF_VALUES if kind == "regression" else _OF_CLASSES


def _told(margins: Margins, name: str, kind: Kind, unit: str) -> str:
    if name not in _metrics(kind):
        return ""
    margin = getattr(margins, name)
    if margin is None:
        return "a tenth of the original's mean absolute error" if name in _ALWAYS else "none: told only"
    return f"{margin:g}{f' {unit}' if unit and name in _ALWAYS else ''}"
