"""Linear: the closed-form ridge readout that every network on raw signals is printed beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.auc import influence

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


def fit_detection(
    features: NDArray[Any], lesion: NDArray[Any], chosen_on: tuple[NDArray[Any], NDArray[Any]]
) -> LinearReadout:
    """Ridge regression on +-1, with the penalty of the best AUC on `chosen_on` (features, lesion)."""
    return _fit(features, np.where(np.asarray(lesion) > 0, 1.0, -1.0), chosen_on, auc)


def fit_volume(
    features: NDArray[Any], volume_ml: NDArray[Any], chosen_on: tuple[NDArray[Any], NDArray[Any]]
) -> LinearReadout:
    """Ridge regression on mL, controls at 0, with the penalty of the best R2 on `chosen_on`."""
    return _fit(features, np.asarray(volume_ml, np.float64), chosen_on, r2)


def auc(truth: NDArray[Any], scores: NDArray[Any]) -> float:
    """Area under the ROC curve; raises `BadInput` where all cases are of one kind."""
    positive = np.asarray(truth) > 0
    if positive.all() or not positive.any():
        raise BadInput("cases and controls are both needed for an AUC", where="labels")
    return influence(np.asarray(scores, np.float64), positive)[0]


def r2(truth: NDArray[Any], scores: NDArray[Any]) -> float:
    """1 - squared error / variance of the truth; raises `BadInput` where the truth does not vary."""
    spread = float(((truth - np.mean(truth)) ** 2).sum())
    if not spread:
        raise BadInput("all volumes are the same, so R2 is not defined", where="volumes")
    return 1.0 - float(((truth - scores) ** 2).sum()) / spread


def features_of(signals: NDArray[np.complex64]) -> Floats:
    """Signals (n, shots, echoes, samples, coils) as (n, p) I and Q, unknown gain and phase taken away.

    Each is divided by its root mean square, and turned so that the middle samples of its first shot sum to a
    positive real number: over many samples, so that hardly any noise is added.
    """
    whole = signals.astype(np.complex128)
    middle = whole[:, 0, :, whole.shape[3] // 2].sum((1, 2))
    size = np.sqrt((np.abs(whole) ** 2).mean((1, 2, 3, 4)))
    turned = whole.reshape(len(whole), -1) * (middle.conj() / (np.abs(middle) * size))[:, None]
    return np.asarray(turned.view(np.float64))


def _fit(
    features: NDArray[Any],
    targets: Floats,
    chosen_on: tuple[NDArray[Any], NDArray[Any]],
    quality: Callable[[NDArray[Any], NDArray[Any]], float],
) -> LinearReadout:
    """The best by `quality` on `chosen_on` over both scalings and all penalties."""
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2 or len(rows) != len(targets) or len(rows) < 2 or not np.isfinite(rows).all():
        raise BadInput(
            f"features {rows.shape} for {len(targets)} targets: expected finite (n, p), n at least 2",
            where="features",
        )
    mean, deviation = rows.mean(0), rows.std(0)
    each = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    # white noise stays white under one scale; features of unlike sizes need each its own
    alike = np.where(deviation > 0, 1.0 / max(float(deviation.max()), np.finfo(float).tiny), 0.0)
    found = (
        LinearReadout(mean, scale, weights, float(targets.mean()), penalty, 0.0)
        for scale in (each, alike)
        for penalty, weights in _path((rows - mean) * scale, targets - targets.mean())
    )
    reached = (replace(one, validation=quality(chosen_on[1], one(chosen_on[0]))) for one in found)
    return max(reached, key=lambda one: one.validation)


def _path(standard: Floats, centred: Floats) -> Iterator[tuple[float, Floats]]:
    """Each of `PENALTIES` with `w = X' (X X' + p I)^-1 y`, by eigenvectors of the smaller Gram matrix."""
    wide = standard.shape[1] > len(standard)
    values, vectors = np.linalg.eigh(standard @ standard.T if wide else standard.T @ standard)
    values = np.maximum(values, 0.0)
    moment = vectors.T @ (centred if wide else standard.T @ centred)
    for penalty in PENALTIES:
        solved = vectors @ (moment / (values + penalty * values[-1]))
        yield penalty, standard.T @ solved if wide else solved
