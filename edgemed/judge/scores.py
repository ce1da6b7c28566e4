"""Scores: predictions and targets of one output brought to one shape, checked, and turned into decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.types import OutputSpec

EPSILON = 1e-7
"""Probabilities are clipped to [EPSILON, 1 - EPSILON] before a logarithm."""
LARGEST = 1e100
"""Of values: sums of their squares stay finite."""


def as_scores(output: OutputSpec, predictions: NDArray[Any]) -> NDArray[np.float64]:
    """Float64 (N, columns) with N >= 1 and no NaN or infinity; the binary positive column alone: (N, 1).

    Raises `BadInput` for another shape, for no case for values that are not finite, and beyond `LARGEST`.
    """
    scores = np.asarray(predictions, dtype=np.float64)
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or scores.shape[1] != output.columns:
        raise BadInput(
            f"predictions have shape {list(np.shape(predictions))}, expected (cases, {output.columns})",
            where=f"output {output.name}",
        )
    if not len(scores):
        raise BadInput("no case to judge", where=f"output {output.name}", remedy="give a set with samples")
    bad = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if bad.size:
        raise BadInput(
            f"{bad.size} of {len(scores)} predictions are NaN or infinite, the first at index {bad[0]}",
            where=f"output {output.name}",
        )
    if output.kind == "regression":
        _check_size(scores, f"output {output.name}")
    elif scores.min() < -1e-3 or scores.max() > 1 + 1e-3:
        raise BadInput(
            f"predictions span {scores.min():.3g} to {scores.max():.3g}, expected probabilities",
            where=f"output {output.name}",
            remedy="set the output's ending (logits, sigmoid, softmax) in the recipe",
        )
    return scores[:, -1:] if output.kind == "binary" else scores


def as_targets(output: OutputSpec, targets: NDArray[Any], cases: int) -> NDArray[Any]:
    """Class indices int64 (N,), 0/1 int64 (N, columns) for multilabel, float64 (N, columns) for regression.

    Raises `BadInput` where the shape does not fit, a label is outside its range or a value beyond `LARGEST`.
    """
    where = f"labels of output {output.name}"
    values = np.asarray(targets)
    single = output.kind in ("binary", "multiclass") or output.columns == 1
    shape = (cases,) if single else (cases, output.columns)
    if values.size != int(np.prod(shape)) or values.shape[:1] != (cases,):
        raise BadInput(f"labels have shape {list(values.shape)}, expected {list(shape)}", where=where)
    if output.kind == "regression":
        wanted = values.astype(np.float64).reshape(cases, output.columns)
        if not np.isfinite(wanted).all():
            raise BadInput("a target is NaN or infinite", where=where)
        _check_size(wanted, where)
        return wanted
    limit = output.columns if output.kind == "multiclass" else 2
    if not np.isin(values, np.arange(limit)).all():
        odd = values[~np.isin(values, np.arange(limit))].flat[0]
        raise BadInput(f"label {odd} is outside 0 to {limit - 1}", where=where)
    indices = values.astype(np.int64)
    return indices.reshape(cases, output.columns) if output.kind == "multilabel" else indices.reshape(cases)


def _check_size(values: NDArray[np.float64], where: str) -> None:
    if np.abs(values).max() > LARGEST:
        raise BadInput(
            f"a value of {np.abs(values).max():.3g} is too large: squares are summed up",
            where=where,
            remedy="give the output in another unit",
        )


def decide(output: OutputSpec, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Decisions of `as_scores`: class indices (N, 1), or 0/1 (N, columns) for multilabel.

    Binary and multilabel are positive at `threshold` and above; multiclass takes the largest.
    """
    if output.kind == "multiclass":
        largest: NDArray[np.int64] = np.argmax(scores, axis=1, keepdims=True).astype(np.int64)
        return largest
    return (scores >= output.threshold).astype(np.int64)


def logits(output: OutputSpec, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scale on which noise is judged, of `as_scores`, (N, columns).

    log(p / (1 - p)) for binary and multilabel, log p minus its mean over classes for multiclass, the values
    themselves for regression.
    """
    if output.kind == "regression":
        return scores
    clipped = np.clip(scores, EPSILON, 1 - EPSILON)
    if output.kind == "multiclass":
        logarithms = np.log(clipped)
        centred: NDArray[np.float64] = logarithms - logarithms.mean(axis=1, keepdims=True)
        return centred
    odds: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return odds


def names_of_classes(output: OutputSpec) -> tuple[str, ...]:
    """What decisions 0, 1, ... of a binary or multiclass output are called."""
    count = output.columns if output.kind == "multiclass" else 2
    if output.kind != "multilabel" and len(output.labels) == count:
        return output.labels
    if output.kind == "multiclass":
        return tuple(f"class {index}" for index in range(count))
    return "negative", "positive"


def names_of_columns(output: OutputSpec) -> tuple[str, ...]:
    """What the columns of a multilabel or regression output are called; "" for a single one."""
    if len(output.labels) == output.columns:
        return output.labels
    return ("",) if output.columns == 1 else tuple(f"column {index}" for index in range(output.columns))


def one_vs_rest(
    output: OutputSpec, scores: NDArray[np.float64], targets: NDArray[Any]
) -> Sequence[tuple[str, NDArray[np.float64], NDArray[np.bool_]]]:
    """(label, scores (N,), positive (N,)) of each question an output of classes answers.

    Binary: one, labelled "". Multiclass: each class against the rest. Multilabel: each label.
    """
    if output.kind == "binary":
        return [("", scores[:, 0], targets == 1)]
    if output.kind == "multiclass":
        names = names_of_classes(output)
        return [(names[c], scores[:, c], targets == c) for c in range(output.columns)]
    return [(name, scores[:, c], targets[:, c] == 1) for c, name in enumerate(names_of_columns(output))]
