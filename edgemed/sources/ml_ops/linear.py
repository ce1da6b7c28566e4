"""LinearClassifier and LinearRegressor: one matrix product and its ending."""

from __future__ import annotations

import numpy as np

from edgemed.sources.ml_ops.replacement import Replacement


def linear_classifier(made: Replacement) -> bool:
    """Scores of shape (rows, classes); one row of weights for two classes gives (1 - s, s).

    With LOGISTIC these two are (sigmoid(-s), sigmoid(s)), as onnxruntime computes them.
    """
    coefficients, intercepts = made.floats("coefficients"), made.floats("intercepts")
    targets = intercepts.size
    ending = made.text("post_transform", "NONE")
    if not targets or coefficients.size % targets:
        return False
    weights = coefficients.reshape(targets, -1).T
    if targets == 1:
        if made.classes() != 2 or ending not in ("NONE", "LOGISTIC"):
            return False
        rest = (1.0 if ending == "NONE" else 0.0) - intercepts
        weights, intercepts = np.hstack([-weights, weights]), np.concatenate([rest, intercepts])
    return _end(made, made.product(weights, intercepts), ending)


def linear_regressor(made: Replacement) -> bool:
    """Values of shape (rows, targets); onnxruntime ends only several targets."""
    coefficients, intercepts = made.floats("coefficients"), made.floats("intercepts")
    targets = made.integer("targets", 1)
    ending = made.text("post_transform", "NONE")
    if targets < 1 or not coefficients.size or coefficients.size % targets:
        return False
    if targets == 1 and ending != "NONE":
        return False
    weights = coefficients.reshape(targets, -1).T
    return _end(made, made.product(weights, intercepts if intercepts.size == targets else None), ending)


def _end(made: Replacement, scores: str, ending: str) -> bool:
    if ending == "LOGISTIC":
        made.add("Sigmoid", scores)
    elif ending == "SOFTMAX":
        made.add("Softmax", scores, axis=-1)
    return ending in ("NONE", "LOGISTIC", "SOFTMAX")
