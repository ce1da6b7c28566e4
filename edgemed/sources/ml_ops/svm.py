"""SVMClassifier and SVMRegressor of LIBSVM: kernel values of all support vectors from one matrix product."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from edgemed.sources.ml_ops.platt import platt_probabilities
from edgemed.sources.ml_ops.replacement import Replacement

Matrix = NDArray[np.float64]


def svm_classifier(made: Replacement) -> bool:
    """Scores as onnxruntime orders them.

    Two classes: (-s, s), or two probabilities where Platt's scaling is part of the node. More: one column a
    pair of classes (0-1, 0-2, ..., 1-2, ...). Several classes with Platt's scaling are left alone: LIBSVM
    couples their pairs by an iteration of unknown length.
    """
    classes, per_class = made.classes(), made.ints("vectors_per_class")
    vectors = _support_vectors(made, sum(per_class))
    coefficients, rho = made.floats("coefficients"), made.floats("rho")
    prob_a, prob_b = made.floats("prob_a"), made.floats("prob_b")
    pairs = classes * (classes - 1) // 2
    if (
        vectors is None
        or classes < 2
        or len(per_class) != classes
        or coefficients.size != (classes - 1) * len(vectors)
        or rho.size < pairs
        or (prob_a.size and classes > 2)
        or made.text("post_transform", "NONE") != "NONE"
    ):
        return False
    weights = _pair_weights(coefficients.reshape(classes - 1, -1), per_class)
    bias = rho[:pairs]
    if prob_a.size:
        logits = _decision(made, vectors, -prob_a[0] * weights, -prob_a[0] * bias - prob_b[0])
        return logits and platt_probabilities(made)
    if classes == 2:
        weights, bias = np.hstack([-weights, weights]), np.concatenate([-bias, bias])
    return _decision(made, vectors, weights, bias)


def svm_regressor(made: Replacement) -> bool:
    """One value a row, shape (rows, 1)."""
    vectors = _support_vectors(made, made.integer("n_supports", 0))
    coefficients, rho = made.floats("coefficients"), made.floats("rho")
    if (
        vectors is None
        or coefficients.size != len(vectors)
        or not rho.size
        or made.integer("one_class", 0)
        or made.text("post_transform", "NONE") != "NONE"
    ):
        return False
    return _decision(made, vectors, coefficients[:, None], rho[:1])


def _support_vectors(made: Replacement, count: int) -> Matrix | None:
    """Shape (vectors, features)."""
    values = made.floats("support_vectors")
    return values.reshape(count, -1) if count > 0 and values.size and values.size % count == 0 else None


def _pair_weights(coefficients: Matrix, per_class: tuple[int, ...]) -> Matrix:
    """LIBSVM's coefficients (classes - 1, vectors) as weights (vectors, pairs).

    The vectors of class i meet class j > i in row j - 1, those of class j meet class i in row i.
    """
    ends = np.cumsum(per_class)
    spans = [slice(end - size, end) for end, size in zip(ends, per_class, strict=True)]
    pairs = list(itertools.combinations(range(len(per_class)), 2))
    weights = np.zeros((coefficients.shape[1], len(pairs)))
    for column, (i, j) in enumerate(pairs):
        weights[spans[i], column] = coefficients[j - 1, spans[i]]
        weights[spans[j], column] = coefficients[i, spans[j]]
    return weights


def _decision(made: Replacement, vectors: Matrix, weights: Matrix, bias: Matrix) -> bool:
    """sum over v of weights[v] * kernel(x, vectors[v]) + bias."""
    parameters = made.floats("kernel_params")
    gamma, coef0, degree = parameters if parameters.size == 3 else (0.0, 0.0, 0.0)
    kernel = made.text("kernel_type", "LINEAR")
    if kernel == "LINEAR":
        made.product(vectors.T @ weights, bias)
        return True
    if kernel == "RBF":
        values = _gaussian(made, vectors, gamma)
    elif kernel in ("POLY", "SIGMOID"):
        values = made.product(gamma * vectors.T, np.array([coef0]))
        values = made.add("Tanh", values) if kernel == "SIGMOID" else _power(made, values, degree)
    else:
        return False
    made.add("Add", made.add("MatMul", values, made.constant(weights)), made.constant(bias))
    return True


def _gaussian(made: Replacement, vectors: Matrix, gamma: float) -> str:
    """exp(-gamma * (|x|^2 - 2 x.s + |s|^2)), x and s measured from the mean of the support vectors.

    Distances do not change by that, and float32 does not cancel where features have a large mean.
    """
    centre = vectors.mean(axis=0).astype(np.float32)
    vectors = vectors - centre
    made.x = made.add("Sub", made.x, made.constant(centre))
    cross = made.product(2 * gamma * vectors.T, -gamma * (vectors**2).sum(axis=1))
    squared = made.add("ReduceSumSquare", made.x, made.constant([1], np.int64), keepdims=1)
    exponent = made.add("Sub", cross, made.add("Mul", squared, made.constant(gamma)))
    return made.add("Exp", made.add("Min", exponent, made.constant(0.0)))


def _power(made: Replacement, values: str, degree: float) -> str:
    if degree in (2, 3):
        square = made.add("Mul", values, values)
        return square if degree == 2 else made.add("Mul", square, values)
    return made.add("Pow", values, made.constant(degree))
