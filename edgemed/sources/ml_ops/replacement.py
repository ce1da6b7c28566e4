"""Replacement: the standard nodes that take the place of one `ai.onnx.ml` node."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Replacement:
    """Reads the attributes of a node and collects new nodes; the last one added gives the node's output.

    `x`: name of the float32 input, shape (rows, features).
    """

    def __init__(self, node: Any, output: str, initializers: dict[str, Any]) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.inputs = tuple(node.input)
        self.x = node.input[0]
        self._prefix = output
        self._initializers = initializers
        self._attributes = {attribute.name: attribute for attribute in node.attribute}

    def floats(self, name: str) -> NDArray[np.float64]:
        found = self._attributes.get(name)
        return np.array(found.floats if found else (), np.float64)

    def ints(self, name: str) -> tuple[int, ...]:
        found = self._attributes.get(name)
        return tuple(found.ints) if found else ()

    def number(self, name: str, default: float) -> float:
        found = self._attributes.get(name)
        return float(found.f) if found else default

    def integer(self, name: str, default: int) -> int:
        found = self._attributes.get(name)
        return int(found.i) if found else default

    def text(self, name: str, default: str) -> str:
        found = self._attributes.get(name)
        return str(found.s.decode()) if found else default

    def classes(self) -> int:
        """How many classes a classifier lists."""
        found = self._attributes.get("classlabels_strings")
        return len(found.strings) if found and found.strings else len(self.ints("classlabels_ints"))

    def initializer(self, name: str) -> NDArray[Any] | None:
        """The value of a constant input; None where it is computed."""
        import onnx

        found = self._initializers.get(name)
        return None if found is None else onnx.numpy_helper.to_array(found)

    def constant(self, values: ArrayLike, dtype: type = np.float32) -> str:
        import onnx

        name = f"{self._prefix}/constant_{len(self.weights)}"
        self.weights.append(onnx.numpy_helper.from_array(np.asarray(values).astype(dtype), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        import onnx

        name = f"{self._prefix}/{operator}_{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def product(self, weights: NDArray[np.float64], bias: NDArray[np.float64] | None) -> str:
        """x (rows, features) times `weights` (features, columns) plus `bias` (columns)."""
        name = self.add("MatMul", self.x, self.constant(weights))
        return name if bias is None else self.add("Add", name, self.constant(bias))
