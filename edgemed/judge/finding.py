"""Finding: one figure of a comparison, before it is held against its margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.estimate import Estimate, Groups


@dataclass(frozen=True)
class Finding:
    """`metric` and `label` are those of `Difference`. Where it has no estimate, `reason` says why."""

    metric: str
    label: str
    n: int
    estimate: Estimate | None
    reason: str = ""


@dataclass(frozen=True)
class Compared:
    """Answers of both models to the same n cases, as `as_scores` and `as_targets` give them.

    `seed` is that of the bootstrap.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    targets: NDArray[Any]
    groups: Groups
    alpha: float
    draws: int
    seed: int

    def part(self, cases: NDArray[np.bool_]) -> Compared:
        """Of some of the cases alone."""
        groups = None if self.groups is None else self.groups[cases]
        return Compared(
            self.before[cases], self.after[cases], self.targets[cases], groups,
            self.alpha, self.draws, self.seed,
        )  # fmt: skip
