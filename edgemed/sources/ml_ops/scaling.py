"""Scaler, Normalizer, Binarizer and Imputer: what stands before a classifier."""

from __future__ import annotations

import numpy as np

from edgemed.sources.ml_ops.replacement import Replacement

_NORMS = {"L1": "ReduceL1", "L2": "ReduceL2", "MAX": "ReduceMax"}


def scaler(made: Replacement) -> bool:
    """(x - offset) * scale, each one value or one a feature."""
    offset, scale = made.floats("offset"), made.floats("scale")
    if not offset.size or offset.size != scale.size:
        return False
    made.add("Mul", made.add("Sub", made.x, made.constant(offset)), made.constant(scale))
    return True


def normalizer(made: Replacement) -> bool:
    """Each row over its norm; MAX is the largest value, with its sign. A row of norm 0 stays."""
    operator = _NORMS.get(made.text("norm", "MAX"))
    if operator is None:
        return False
    norm = made.add(operator, made.x, made.constant([1], np.int64), keepdims=1)
    zero = made.add("Equal", norm, made.constant(0.0))
    made.add("Div", made.x, made.add("Where", zero, made.constant(1.0), norm))
    return True


def binarizer(made: Replacement) -> bool:
    """1 above the threshold, else 0."""
    import onnx

    above = made.add("Greater", made.x, made.constant(made.number("threshold", 0.0)))
    made.add("Cast", above, to=onnx.TensorProto.FLOAT)
    return True


def imputer(made: Replacement) -> bool:
    """Another value (one, or one a feature) where x is `replaced_value_float`, which may be NaN."""
    imputed = made.floats("imputed_value_floats")
    replaced = made.number("replaced_value_float", 0.0)
    if not imputed.size:
        return False
    missing = (
        made.add("IsNaN", made.x)
        if np.isnan(replaced)
        else made.add("Equal", made.x, made.constant(replaced))
    )
    made.add("Where", missing, made.constant(imputed), made.x)
    return True
