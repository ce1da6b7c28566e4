"""ROC curves for a report."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.scores import as_scores, as_targets, one_vs_rest
from edgemed.types import OutputSpec
from edgemed.types.compilation import RocCurve

POINTS = 200


def roc_curves(
    model: str, output: OutputSpec, probabilities: NDArray[Any], targets: NDArray[Any] | None
) -> tuple[RocCurve, ...]:
    """One curve per class or label (one for binary) of predictions (N, columns), at most 200 points each.

    Empty for regression, without targets, and for classes that no or every case has. Thinned at equal steps
    along the curve, so corners move by at most half a percent of its length.
    """
    if output.kind == "regression" or targets is None:
        return ()
    from sklearn.metrics import roc_curve

    scores = as_scores(output, probabilities)
    curves = []
    for label, column, positive in one_vs_rest(output, scores, as_targets(output, targets, len(scores))):
        if positive.all() or not positive.any():
            continue
        fpr, tpr, _ = roc_curve(positive, column)
        if len(fpr) > POINTS:
            along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(fpr), np.diff(tpr)))])
            kept = np.unique(
                np.searchsorted(along, np.linspace(0.0, along[-1], POINTS)).clip(0, len(fpr) - 1)
            )
            fpr, tpr = fpr[kept], tpr[kept]
        curves.append(
            RocCurve(
                model, output.name, label, tuple(np.round(fpr, 5).tolist()), tuple(np.round(tpr, 5).tolist())
            )
        )
    return tuple(curves)
