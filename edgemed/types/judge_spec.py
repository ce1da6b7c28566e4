"""What the judge is asked: margins, the error that it may make, and what it does beside the gate."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import field
from typing import Any, Literal

from edgemed.errors import BadInput
from edgemed.types.record import Record

SHARES = ("auc", "sensitivity", "specificity", "accuracy", "brier", "r2")
"""Metrics whose margin is a share; those of the others have a unit."""
LEAST = 1e-5


class Margins(Record):
    """The most that an artefact may be worse than its original, absolute. None ("none" in a recipe): reported
    only, without a gate.

    The defaults are the smallest losses that a test set of some hundred cases can prove absent: without
    a single change of decision, .05 takes 73 cases of the class, AUC .02 takes 189 of each class, Brier
    .01 takes 381. They are engineers' defaults, not clinical limits: who knows the use sets those.
    `bias` and `mae` are in the output's unit; "tenth" is a tenth of the original's own MAE.
    """

    auc: float | None = 0.02
    sensitivity: float | None = 0.05
    specificity: float | None = 0.05
    brier: float | None = 0.01
    accuracy: float | None = None
    log_loss: float | None = None
    bias: float | Literal["tenth"] | None = "tenth"
    mae: float | Literal["tenth"] | None = "tenth"
    r2: float | None = None

    @classmethod
    def unfold(cls, data: dict[str, Any], where: str) -> dict[str, Any]:
        """TOML has no null: "none" is written for it."""
        return {name: None if margin == "none" else margin for name, margin in data.items()}

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            _check(each.name, getattr(self, each.name), f"judge.margins.{each.name}")


class JudgeSpec(Record):
    """`[judge]`: whether what ships must be proven not worse than the original, and by how much."""

    gate: bool = True
    """False keeps what is not proven, stamped so."""
    alpha: float = 0.025
    """One-sided: of 1000 artefacts that are worse by exactly a margin, at most 25 are called proven."""
    margins: Margins = field(default_factory=Margins)
    outputs: dict[str, dict[str, float | str | None]] = field(default_factory=dict)
    """Margins of single outputs, over those above."""
    draws: int = 2000
    """Of the bootstrap over patients."""
    temperature: bool = False
    """A step in the graph that scales logits, fitted on the selection set."""
    conformal: float = 0.0
    """Share of cases whose prediction set may miss the class; 0 makes no sets."""

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 0.5:
            raise BadInput(f"alpha {self.alpha:g} is not between 0 and .5", where="judge.alpha")
        if not 0.0 <= self.conformal < 0.5:
            raise BadInput(f"{self.conformal:g} is no share from 0 to below .5", where="judge.conformal")
        if self.draws < 200:
            raise BadInput(f"{self.draws} draws are too few; at least 200 are needed", where="judge.draws")
        for output, margins in self.outputs.items():
            self._overridden(output, margins)

    @property
    def asked(self) -> str:
        """Margins and error in one line, as a recipe would have them; those of single outputs behind."""

        def listed(margins: dict[str, float | str | None]) -> str:
            return ", ".join(f"{name} {_shown(value)}" for name, value in margins.items())

        held = {name: value for name, value in self.margins.to_dict().items() if value is not None}
        own = [f"{output}: {listed(margins)}" for output, margins in self.outputs.items()]
        return "; ".join([listed(held) or "no margin", *own, f"alpha {self.alpha:g}"])

    def margins_of(self, output: str) -> Margins:
        """Those that an output is held to."""
        return self._overridden(output, self.outputs.get(output, {}))

    def _overridden(self, output: str, margins: dict[str, float | str | None]) -> Margins:
        return Margins.from_dict({**self.margins.to_dict(), **margins}, where=f"judge.outputs.{output}")


def _shown(margin: float | str | None) -> str:
    return f"{margin:g}" if isinstance(margin, float) else margin or "none"


def _check(name: str, margin: float | str | None, where: str) -> None:
    if not isinstance(margin, float):
        return
    if not 0 < margin < math.inf:
        raise BadInput(
            f"a margin of {margin:g} cannot be proven: no number of cases shows that nothing at all is lost",
            where=where,
            remedy="give the loss that would not matter, such as .05 for five in a hundred",
        )
    if name in SHARES and margin < LEAST:
        raise BadInput(
            f"a margin of {margin:g} takes more cases than there are; the least is {LEAST:g}",
            where=where,
            remedy="give the loss that would not matter, such as .05 for five in a hundred",
        )
    if name in SHARES and margin >= 1:
        raise BadInput(
            f"a margin of {margin:g} is no share below 1",
            where=where,
            remedy="write .05 for five in a hundred",
        )
