"""Remarks on two sets of answers to the same cases, worded once for agreement and verdict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IDENTICAL = "the outputs are identical on these cases; that alone proves nothing about others"
FEW_SCORES = 64


def distinct(scores: NDArray[np.float64]) -> int:
    """How many values there are in the column of (n, columns) that has most."""
    return max(len(np.unique(column)) for column in scores.T)


def few_scores(before: int, after: int) -> str:
    """A remark where the artefact has `after` `distinct` scores, too few and fewer than the original."""
    if after >= min(FEW_SCORES, before):
        return ""
    return (
        f"the artefact gives only {after} distinct scores, the original {before}: "
        "keep the last layers in float"
    )
