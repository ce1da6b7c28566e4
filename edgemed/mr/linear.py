"""Linear: the closed-form ridge readout that every network on raw signals is printed beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.mr.quality import auc, r2
from edgemed.types import OutputSpec

Floats = NDArray[np.float64]

PENALTIES = tuple(10.0 ** (power / 2) for power in range(-20, 5))
"""Tried penalties, relative to the largest eigenvalue of the scaled features' Gram matrix."""


@dataclass(frozen=True)
class LinearReadout:
    """Features (n, p) to scores (n,): `(features - mean) * scale @ weights + offset`.

    `scale` brings each feature to variance 1, or is one for all: whichever did better. `penalty` is the one
    of `PENALTIES` that was chosen, `validation` what it reached: AUC or R2.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    offset: float
    penalty: float
    validation: float

    def __call__(self, features: NDArray[Any]) -> Floats:
        return np.asarray((features - self.mean) * self.scale @ self.weights + self.offset)


@dataclass(frozen=True)
class Linear:
    """Ridge readouts by head: one, or one for each class."""

    readouts: Mapping[str, tuple[LinearReadout, ...]]

    def __call__(self, features: NDArray[Any]) -> dict[str, Floats]:
        """Features (n, ...) to scores or values (n, columns) by head."""
        flat = features.reshape(len(features), -1)
        return {
            name: np.stack([each(flat) for each in columns], 1) for name, columns in self.readouts.items()
        }


def fit_linear(
    heads: Sequence[OutputSpec],
    features: NDArray[Any],
    targets: Mapping[str, NDArray[Any]],
    chosen_on: tuple[NDArray[Any], Mapping[str, NDArray[Any]]],
) -> Linear:
    """Ridge regression on +-1 for a class against the others, on the values of a regression head.

    Features (n, ...), `targets` (n,) by head. The penalty and the scaling of each are those of the best AUC,
    or R2, on `chosen_on`, further features and targets. A class's score is 0 where sensitivity + specificity
    are highest there. Raises `BadInput` for features that are not finite or of another number than the
    targets, and where a figure is not defined on `chosen_on`.
    """
    rows, others = (np.asarray(each, np.float64).reshape(len(each), -1) for each in (features, chosen_on[0]))
    if len(rows) < 2 or not np.isfinite(rows).all() or any(len(rows) != len(t) for t in targets.values()):
        counts = ", ".join(str(len(target)) for target in targets.values())
        raise BadInput(
            f"features {rows.shape} for {counts} targets: expected finite (n, p), n at least 2",
            where="features",
        )
    columns = [column for head in heads for column in _columns(head, targets[head.name])]
    truth = [column for head in heads for column in _columns(head, chosen_on[1][head.name])]
    measures = [_measure(head) for head in heads for _ in _columns(head, targets[head.name])]
    best = iter(_fit(rows, np.stack(columns, 1), others, truth, measures))
    return Linear(
        {
            head.name: tuple(  # the columns first: zip takes no readout of the next head
                readout if head.kind == "regression" else _at_zero(readout, others, known)
                for known, readout in zip(_columns(head, chosen_on[1][head.name]), best, strict=False)
            )
            for head in heads
        }
    )


def _at_zero(readout: LinearReadout, rows: Floats, truth: Floats) -> LinearReadout:
    """The same but for the offset, with which sensitivity + specificity are highest at a score of 0."""
    order = np.argsort(scores := readout(rows))
    above = truth[order] > 0
    # a cut below each score, and none above the last: sensitivity + specificity - 1
    youden = np.cumsum(~above) / (~above).sum() - np.cumsum(above) / above.sum()
    at = int(np.argmax(youden[:-1]))
    cut = float(scores[order[at : at + 2]].mean())
    return replace(readout, offset=readout.offset - cut)


def _columns(head: OutputSpec, target: NDArray[Any]) -> list[Floats]:
    if head.kind == "regression":
        return [np.asarray(target, np.float64)]
    classes = [1] if head.kind == "binary" else range(head.columns)
    return [np.where(target == each, 1.0, -1.0) for each in classes]


def _measure(head: OutputSpec) -> Callable[[NDArray[Any], NDArray[Any]], float]:
    return r2 if head.kind == "regression" else auc


def _fit(
    rows: Floats,
    targets: Floats,
    others: Floats,
    truth: Sequence[Floats],
    measures: Sequence[Callable[[NDArray[Any], NDArray[Any]], float]],
) -> list[LinearReadout]:
    """For each column of `targets` the best over both scalings and all penalties."""
    mean, deviation = rows.mean(0), rows.std(0)
    each = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    # white noise stays white under one scale; features of unlike sizes need each its own
    alike = np.where(deviation > 0, 1.0 / max(float(deviation.max()), np.finfo(float).tiny), 0.0)
    offsets = targets.mean(0)
    best: list[LinearReadout | None] = [None] * len(measures)
    for scale in (each, alike):
        seen = (others - mean) * scale
        for penalty, weights in _path((rows - mean) * scale, targets - offsets):
            scores = seen @ weights + offsets
            for at, measure in enumerate(measures):
                reached, former = measure(truth[at], scores[:, at]), best[at]
                if former is None or reached > former.validation:
                    best[at] = LinearReadout(
                        mean, scale, weights[:, at], float(offsets[at]), penalty, reached
                    )
    return [readout for readout in best if readout is not None]


def _path(standard: Floats, centred: Floats) -> Iterator[tuple[float, Floats]]:
    """Each of `PENALTIES` with `W = X' (X X' + p I)^-1 Y`, by eigenvectors of the smaller Gram matrix."""
    wide = standard.shape[1] > len(standard)
    values, vectors = np.linalg.eigh(standard @ standard.T if wide else standard.T @ standard)
    values = np.maximum(values, 0.0)
    moment = vectors.T @ (centred if wide else standard.T @ centred)
    for penalty in PENALTIES:
        solved = vectors @ (moment / (values + penalty * values[-1])[:, None])
        yield penalty, standard.T @ solved if wide else solved
