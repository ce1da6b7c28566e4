"""Answers of a model that a wrong threshold or swapped outputs have spoilt. Controls for the judge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.types import OutputSpec

LOST = 0.25
"""Of the cases that the original calls positive: what a shifted threshold calls negative, at least."""

Scores = NDArray[np.float64]


def with_shifted_threshold(output: OutputSpec, answers: NDArray[Any]) -> Scores | str:
    """The answers (n, columns) as if the threshold had moved up until a quarter of the positive decisions is
    lost.

    Scores are stretched so that the old threshold cuts where the new one would: their order, and so the AUC,
    stays. A string where the output has no threshold.
    """
    if output.kind in ("regression", "multiclass"):
        return "it has no threshold"
    positive = _positive(output, answers)
    columns = [_shifted(column, output.threshold) for column in positive.T]
    return _whole(output, np.stack(columns, axis=1))


def with_swapped_outputs(output: OutputSpec, answers: NDArray[Any]) -> Scores | str:
    """The answers (n, columns) with classes in another order: 1 - p, or each class's column the next one's.

    A string where columns are no classes.
    """
    if output.kind == "regression":
        return "its columns are values, not classes"
    if output.kind == "multiclass":
        return np.roll(answers.astype(np.float64), 1, axis=1)
    return _whole(output, 1.0 - _positive(output, answers))


def _positive(output: OutputSpec, answers: NDArray[Any]) -> Scores:
    """The columns that the threshold decides on."""
    scores = answers.astype(np.float64)
    return scores[:, -1:] if output.kind == "binary" else scores


def _whole(output: OutputSpec, positive: Scores) -> Scores:
    """With the column of the negative class, where there is one."""
    if output.kind == "binary" and output.columns == 2:
        return np.concatenate([1.0 - positive, positive], axis=1)
    return positive


def _shifted(scores: Scores, threshold: float) -> Scores:
    """Of equal scores that the cut falls on all are lost: a saturated model has many."""
    called = np.sort(scores[scores >= threshold])
    if not called.size:
        return scores
    lost = float(called[math.ceil(LOST * called.size) - 1])
    below = np.minimum(scores * (threshold / lost), np.nextafter(threshold, 0.0))
    above = threshold + (scores - lost) * ((1.0 - threshold) / max(1.0 - lost, np.finfo(float).tiny))
    return np.where(scores <= lost, below, np.clip(above, threshold, 1.0))
