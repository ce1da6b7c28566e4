"""Pruning as it must not be done: channels set to zero and nothing put right. A control for the judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgemed.compress.bias import bias_places
from edgemed.compress.keep_float import float_nodes
from edgemed.compress.onnx_file import read_onnx, write_onnx

if TYPE_CHECKING:
    import onnx


def write_zeroed(graph: Path, share: float, out: Path) -> int:
    """Write `graph` with `share` of each layer's output channels set to zero; gives the number of layers.

    Those with the least L1 norm of their weights go, and their biases. The last layer before each output,
    and the preprocessing, are left alone.
    """
    from onnx import numpy_helper

    model = read_onnx(graph)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    biases = bias_places(model)
    left = frozenset(float_nodes(graph))
    done: set[str] = set()
    for node in model.graph.node:
        axis = _output_axis(node)
        if axis is None or node.name in left or node.input[1] not in tensors or node.input[1] in done:
            continue
        weights = np.moveaxis(numpy_helper.to_array(tensors[node.input[1]]).copy(), axis, 0)
        norms = np.abs(weights).reshape(len(weights), -1).sum(axis=1)
        gone = np.argsort(norms, kind="stable")[: int(len(norms) * share)]
        if not len(gone):
            continue
        weights[gone] = 0
        _replace(tensors[node.input[1]], np.moveaxis(weights, 0, axis))
        done.add(node.input[1])
        if node.name in biases:
            holder, index = biases[node.name]
            bias = numpy_helper.to_array(tensors[holder.input[index]]).copy()
            if bias.shape[-1:] == norms.shape:
                bias[..., gone] = 0
                _replace(tensors[holder.input[index]], bias)
    write_onnx(model, out)
    return len(done)


def _output_axis(node: onnx.NodeProto) -> int | None:
    """The axis of a layer's weights along which its outputs lie; None where it is no such layer."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "MatMul":
        return -1
    if node.op_type == "Gemm":
        return 0 if any(each.name == "transB" and each.i for each in node.attribute) else 1
    return None


def _replace(tensor: onnx.TensorProto, values: np.ndarray) -> None:
    from onnx import numpy_helper

    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
