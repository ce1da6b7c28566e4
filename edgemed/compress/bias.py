"""Bias: where the bias of a layer stands in an ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def bias_places(model: onnx.ModelProto) -> dict[str, tuple[onnx.NodeProto, int]]:
    """For each layer with a constant bias, by its node's name: the node and the index of the input.

    Conv and Gemm take it as their third input; behind a MatMul it is the constant of the one Add.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    behind: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            behind.setdefault(name, []).append(node)
    places: dict[str, tuple[onnx.NodeProto, int]] = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm") and len(node.input) == 3 and node.input[2] in constants:
            places[node.name] = (node, 2)
        elif node.op_type == "MatMul":
            after = behind.get(node.output[0], [])
            if len(after) == 1 and after[0].op_type == "Add":
                index = 1 if after[0].input[0] == node.output[0] else 0
                if after[0].input[index] in constants:
                    places[node.name] = (after[0], index)
    return places
