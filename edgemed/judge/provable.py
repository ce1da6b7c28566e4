"""The check that an acceptance set is large enough for a proof, before anything slow is done."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.estimate import Groups, clustered
from edgemed.judge.groups import check_groups
from edgemed.judge.scores import EPSILON, as_targets, names_of_classes, names_of_columns
from edgemed.judge.tango import fewest_cases
from edgemed.judge.unseen import count_of, fewest_units
from edgemed.types import JudgeSpec, OutputSpec

Mask = NDArray[np.bool_]
MOST_TOLD = 6
"""Figures that have too few cases."""


@dataclass(frozen=True)
class _Need:
    """A figure that `cases` (n,) decide, each of which can change it by `largest` at most."""

    metric: str
    label: str
    cases: Mask
    kind: str
    margin: float
    largest: float = 1.0
    share: bool = False
    """Of right decisions, whose interval is Tango's where cases are independent."""

    def shortage(self, groups: Groups, alpha: float) -> str:
        """What is lacking even if no answer changes; empty where nothing is."""
        have = int(self.cases.sum())
        told = f"{have} {self.kind}"
        own = None if groups is None else groups[self.cases]
        if clustered(own):
            have = count_of(have, own, alpha)
            told += f" count as {have} patients"
        by_tango = self.share and not clustered(own)
        needed = (
            fewest_cases(self.margin, alpha) if by_tango else fewest_units(self.margin, alpha, self.largest)
        )
        if have >= needed:
            return ""
        name = f"{self.metric} of {self.label}" if self.label else self.metric
        return f"{name}: {told}, at least {needed} (margin {self.margin:g})"


def check_provable(output: OutputSpec, targets: NDArray[Any], groups: Groups, spec: JudgeSpec) -> None:
    """Raises `BadInput` where nothing could be proven even if no answer changes.

    `targets` are those of one output, (n,) or (n, columns), `groups` (n,) the numbers of the cases' patients,
    None where every case stands for itself. Cases of groups count as 1 / `weight_of` patients of equal size.
    It tells every figure that has too few. Of a regression only absolute margins are looked at: labels alone
    tell less than the range that changes are taken to be within. Raises `BadInput` too for labels outside
    their range and, with or without a gate, where all cases are of one group.
    """
    wanted = as_targets(output, targets, len(targets))
    check_groups(groups, "--accept")
    if not spec.gate:
        return
    needs = _of_values if output.kind == "regression" else _of_classes
    shortages = [need.shortage(groups, spec.alpha) for need in needs(output, wanted, spec)]
    short = [each for each in shortages if each]
    more = f"; and {len(short) - MOST_TOLD} more" if len(short) > MOST_TOLD else ""
    if short:
        raise BadInput(
            "the acceptance set is too small for a proof even where no answer changes: "
            + "; ".join(short[:MOST_TOLD])
            + more,
            where=f"--accept, output {output.name}",
            remedy="give more cases (edgemed power tells how many) or wider margins; without a proof goes "
            "edgemed compile --no-gate",
        )


def _of_classes(output: OutputSpec, targets: NDArray[Any], spec: JudgeSpec) -> Iterator[_Need]:
    margins = spec.margins_of(output.name)
    for label, positive in positives_of(output, targets).items():
        kinds = {"positive cases": positive, "negative cases": ~positive}
        for metric, kind, margin in (
            ("sensitivity", "positive cases", margins.sensitivity),
            ("specificity", "negative cases", margins.specificity),
        ):
            if margin is not None:
                yield _Need(metric, label, kinds[kind], kind, margin, share=True)
        if margins.auc is not None:
            for kind, cases in kinds.items():
                yield _Need("AUC", label, cases, kind, margins.auc)
    every = np.ones(len(targets), bool)
    if margins.brier is not None:
        yield _Need("Brier score", "", every, "cases", margins.brier)
    if margins.log_loss is not None:
        yield _Need("log loss", "", every, "cases", margins.log_loss, -math.log(EPSILON))
    if margins.accuracy is not None:
        yield _Need("accuracy", "", every, "cases", margins.accuracy, share=True)


def _of_values(output: OutputSpec, targets: NDArray[Any], spec: JudgeSpec) -> Iterator[_Need]:
    margins = spec.margins_of(output.name)
    every = np.ones(len(targets), bool)
    for label, column in zip(names_of_columns(output), targets.T, strict=True):
        span, variance = float(np.ptp(column)), float(column.var())
        if span == 0:
            continue
        for metric, margin in (("bias", margins.bias), ("MAE", margins.mae)):
            if margin is not None and margin != "tenth":
                yield _Need(metric, label, every, "cases", margin, span)
        if margins.r2 is not None:
            yield _Need("R2", label, every, "cases", margins.r2, span**2 / variance)


def positives_of(output: OutputSpec, targets: NDArray[Any]) -> dict[str, Mask]:
    """Which cases are positive, (n,) by label of each question."""
    if output.kind == "binary":
        return {"": targets == 1}
    if output.kind == "multiclass":
        return {name: targets == c for c, name in enumerate(names_of_classes(output))}
    return {name: targets[:, c] == 1 for c, name in enumerate(names_of_columns(output))}
