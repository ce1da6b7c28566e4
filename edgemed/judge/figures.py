"""How well one model does on one output of a labelled set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.auc import auc_figures
from edgemed.judge.interval import mean, resampled, share
from edgemed.judge.scores import (
    as_scores,
    as_targets,
    decide,
    names_of_classes,
    names_of_columns,
    one_vs_rest,
)
from edgemed.types import OutputSpec
from edgemed.types.figures import Figure, Figures


def figures(output: OutputSpec, probabilities: NDArray[Any], targets: NDArray[Any] | None) -> Figures:
    """Figures of predictions (N, columns) against targets (see `Sample.targets`, stacked to N rows).

    AUC with DeLong's interval (macro one-vs-rest first where there are several classes or labels); accuracy,
    sensitivity and specificity with Wilson's, at `threshold` (multiclass: at the largest probability, one
    class against the rest). Regression: bias and MAE with Student's t, RMSE and R2 with a seeded percentile
    bootstrap. What is not defined has no value and says why. Without targets there are no figures. Raises
    `BadInput` for shapes that do not fit, values that are not finite and labels outside their range.
    """
    scores = as_scores(output, probabilities)
    threshold = output.threshold if output.kind in ("binary", "multilabel") else None
    if targets is None:
        return Figures(output.name, output.kind, len(scores), threshold, {}, ())
    wanted = as_targets(output, targets, len(scores))
    if output.kind == "regression":
        return Figures(
            output.name, output.kind, len(scores), None, {}, tuple(_regression(output, scores, wanted))
        )
    items = [
        *auc_figures(one_vs_rest(output, scores, wanted)),
        *accuracies(output, decide(output, scores), wanted),
    ]
    counts = class_counts(output, wanted)
    return Figures(output.name, output.kind, len(scores), threshold, counts, tuple(items))


def class_counts(output: OutputSpec, targets: NDArray[Any]) -> dict[str, int]:
    """Cases of each class, or positives of each label, of `as_targets`; {} for regression."""
    if output.kind == "regression":
        return {}
    if output.kind == "multilabel":
        return {name: int(targets[:, c].sum()) for c, name in enumerate(names_of_columns(output))}
    return {name: int((targets == c).sum()) for c, name in enumerate(names_of_classes(output))}


def accuracies(output: OutputSpec, decisions: NDArray[np.int64], targets: NDArray[Any]) -> list[Figure]:
    """Accuracy, then sensitivity and specificity of each class or label, of `decide` and `as_targets`.

    The accuracy of a multilabel output is the share of cases with every label right.
    """
    wanted = targets if targets.ndim == 2 else targets[:, None]
    right = (decisions == wanted).all(axis=1)
    items = [share("accuracy", int(right.sum()), len(right))]
    if output.kind == "binary":
        questions = [("", decisions[:, 0] == 1, targets == 1)]
    elif output.kind == "multiclass":
        names = names_of_classes(output)
        questions = [(name, decisions[:, 0] == c, targets == c) for c, name in enumerate(names)]
    else:
        names = names_of_columns(output)
        questions = [(name, decisions[:, c] == 1, targets[:, c] == 1) for c, name in enumerate(names)]
    for label, called, positive in questions:
        found, cleared = int((called & positive).sum()), int((~called & ~positive).sum())
        sick, well = int(positive.sum()), int((~positive).sum())
        items.append(share("sensitivity", found, sick, label=label, reason="no positive case"))
        items.append(share("specificity", cleared, well, label=label, reason="no negative case"))
    return items


def _regression(
    output: OutputSpec, scores: NDArray[np.float64], targets: NDArray[np.float64]
) -> list[Figure]:
    items = []
    for column, label in enumerate(names_of_columns(output)):
        truth = targets[:, column]
        error = scores[:, column] - truth
        items.append(mean("mae", np.abs(error), label=label, unit=output.unit))
        items.append(mean("bias", error, label=label, unit=output.unit))
        centred = truth - truth.mean()
        terms = np.stack([error**2, centred, centred**2], axis=1)
        rmse = float(np.sqrt(np.mean(error**2)))
        low, high = resampled(terms[:, :1], lambda means: np.sqrt(means[..., 0])) or (None, None)
        items.append(Figure("rmse", rmse, len(error), low, high, label, output.unit, "bootstrap"))
        items.append(_r2(terms, float(np.ptp(truth)), label))
    return items


def _r2(terms: NDArray[np.float64], spread: float, label: str) -> Figure:
    if spread == 0:
        return Figure("r2", None, len(terms), label=label, reason="all targets are equal")
    value = 1.0 - float(terms[:, 0].sum() / terms[:, 2].sum())
    low, high = resampled(terms, _r2_of_means) or (None, None)
    return Figure("r2", value, len(terms), low, high, label, method="bootstrap")


def _r2_of_means(means: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = means[..., 2] - means[..., 1] ** 2
    values = np.full(spread.shape, np.nan)
    np.divide(means[..., 0], spread, out=values, where=spread > 0)
    return 1.0 - values
