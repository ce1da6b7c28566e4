"""typical_batch: random inputs at the scale that a classical model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.types import InputSpec

_SPREADS = (0.3, 1.0, 3.0)


def typical_batch(graph: Any, inputs: Sequence[InputSpec], rows: int, seed: int) -> dict[str, NDArray[Any]]:
    """Float32 values, shape (rows, *shape), by input name, that excite what stands behind a scaler.

    Scaling by constants behind an input is undone: normal values of three spreads, or values around the
    support vectors of an SVM, come out behind it. Standard normal values where nothing scales.
    """
    draw = np.random.default_rng(seed)
    return {spec.name: _draw(graph, spec, rows, draw) for spec in inputs}


def _draw(graph: Any, spec: InputSpec, rows: int, draw: np.random.Generator) -> NDArray[np.float32]:
    values = draw.standard_normal((rows, *spec.shape))
    values *= draw.choice(_SPREADS, rows).reshape(rows, *[1] * len(spec.shape))
    if len(spec.shape) != 1:
        return values.astype(np.float32)
    factor, shift, vectors = _scaling(graph, spec.name, spec.shape[0])
    if vectors is not None:
        values = draw.choice(vectors, rows) + values * vectors.std(axis=0)
    factor = np.where(factor == 0, 1.0, factor)
    return ((values - shift) / factor).astype(np.float32)


def _scaling(
    graph: Any, name: str, features: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """factor and shift of factor * x + shift behind the input, and the support vectors it then meets."""
    import onnx

    constants = {weight.name: weight for weight in graph.initializer}
    factor, shift = np.ones(features), np.zeros(features)
    while True:
        node = next((node for node in graph.node if name in node.input), None)
        if node is None:
            return factor, shift, None
        floats = {attribute.name: np.array(attribute.floats, np.float64) for attribute in node.attribute}
        other = [constants[entry] for entry in node.input if entry in constants]
        value = onnx.numpy_helper.to_array(other[0]).astype(np.float64) if len(other) == 1 else np.zeros(0)
        per_feature = value.size in (1, features) and node.input[0] == name
        if node.op_type == "Scaler" and {"scale", "offset"} <= floats.keys():
            factor, shift = factor * floats["scale"], (shift - floats["offset"]) * floats["scale"]
        elif per_feature and node.op_type in ("Add", "Sub"):
            shift = shift + value.ravel() * (1 if node.op_type == "Add" else -1)
        elif per_feature and node.op_type in ("Mul", "Div") and value.all():
            by = value.ravel() if node.op_type == "Mul" else 1 / value.ravel()
            factor, shift = factor * by, shift * by
        elif node.op_type not in ("Cast", "Identity"):
            vectors = floats.get("support_vectors", np.zeros(0))
            known = vectors.size > 0 and vectors.size % features == 0
            return factor, shift, vectors.reshape(-1, features) if known else None
        name = node.output[0]
