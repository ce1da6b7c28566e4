"""Quality: how near answers come to what is known, one figure a head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.auc import influence
from edgemed.types import OutputSpec

MEASURES = {"binary": "AUC", "multiclass": "balanced accuracy", "regression": "R2"}


def quality(
    heads: Sequence[OutputSpec], truth: Mapping[str, NDArray[Any]], answers: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """The figure of `MEASURES` of each head, from targets (n,) and scores or values (n, columns).

    Raises `BadInput` where a figure is not defined: cases of one kind only, values that do not vary.
    """
    return {head.name: measure_of(head)(truth[head.name], answers[head.name]) for head in heads}


def measure_of(head: OutputSpec) -> Callable[[NDArray[Any], NDArray[Any]], float]:
    """Targets (n,) and scores or values (n, columns) to the figure of `MEASURES`."""
    if head.kind == "multiclass":
        return balanced_accuracy
    one = r2 if head.kind == "regression" else auc
    return lambda truth, answers: one(truth, answers[:, 0])


def balanced_accuracy(truth: NDArray[Any], scores: NDArray[Any]) -> float:
    """Mean over the classes that are there of the share that is found.

    By the highest of `scores` (n, classes), or, of one column, by its sign.
    """
    hit = (scores.argmax(1) if scores.shape[1] > 1 else scores[:, 0] > 0) == truth
    return float(np.mean([hit[truth == each].mean() for each in np.unique(truth)]))


def auc(truth: NDArray[Any], scores: NDArray[Any]) -> float:
    """Area under the ROC curve; raises `BadInput` where all cases are of one kind."""
    positive = np.asarray(truth) > 0
    if positive.all() or not positive.any():
        raise BadInput("cases and controls are both needed for an AUC", where="labels")
    return influence(np.asarray(scores, np.float64), positive)[0]


def r2(truth: NDArray[Any], values: NDArray[Any]) -> float:
    """1 - squared error / variance of the truth; raises `BadInput` where the truth does not vary."""
    spread = float(((truth - np.mean(truth)) ** 2).sum())
    if not spread:
        raise BadInput("all values are the same, so R2 is not defined", where="values")
    return 1.0 - float(((truth - values) ** 2).sum()) / spread
