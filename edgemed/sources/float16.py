"""widen_float16: a graph in float16 brought to float32, where int8 scales can be found for it."""

from __future__ import annotations

from typing import Any

import numpy as np

NOTE = "float16 weights and arithmetic were brought to float32, which holds each of those weights exactly"
ROUNDING = 10.0
"""Times the parity check's tolerance: float16 resolves 5e-4 of a value, and each layer rounds again."""

_TYPES = ("to", "dtype", "output_dtype")
"""Attributes that hold a type: of Cast, of operators that make tensors, of QuantizeLinear."""


def widen_float16(model: Any) -> bool:
    """Before: float16 anywhere in `model`. After: float32 in its place; without Casts that this made idle.

    Inputs and outputs included. Gives whether there was any; leaves the model alone where there was none.
    """
    import onnx

    if not _widen_graph(model.graph) + sum(_widen_nodes(function.node) for function in model.functions):
        return False
    model.CopyFrom(_without_idle_casts(onnx.shape_inference.infer_shapes(model)))
    return True


def _widen_graph(graph: Any) -> int:
    import onnx

    found = _widen_nodes(graph.node)
    for tensor in graph.initializer:
        found += _widen_tensor(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
            found += 1
    return found


def _widen_nodes(nodes: Any) -> int:
    import onnx

    found = 0
    for node in nodes:
        for attribute in node.attribute:
            if attribute.name in _TYPES and attribute.i == onnx.TensorProto.FLOAT16:
                attribute.i = onnx.TensorProto.FLOAT
                found += 1
            for tensor in (attribute.t, *attribute.tensors):
                found += _widen_tensor(tensor)
            for graph in (attribute.g, *attribute.graphs):
                found += _widen_graph(graph)
    return found


def _widen_tensor(tensor: Any) -> int:
    import onnx

    if tensor.data_type != onnx.TensorProto.FLOAT16:
        return 0
    values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return 1


def _without_idle_casts(model: Any) -> Any:
    """Before: Conv -> Cast from float32 to float32 -> Relu, which no runtime fuses. After: Conv -> Relu."""
    import onnx_ir

    graph = onnx_ir.from_proto(model)
    for node in list(graph.graph.all_nodes()):
        source = node.inputs[0] if node.op_type == "Cast" else None
        if source is not None and source.dtype == node.attributes["to"].as_int() == onnx_ir.DataType.FLOAT:
            _bypass(node, source)
    return onnx_ir.to_proto(graph)


def _bypass(node: Any, source: Any) -> None:
    """Let what reads the node read `source`; it stays where it makes an output of an output or input."""
    result, owner = node.outputs[0], node.graph
    if result.is_graph_output():
        if source.is_graph_output() or source.producer() is None or source.graph is not owner:
            return
        owner.outputs[list(owner.outputs).index(result)] = source
        result.name, source.name = None, result.name
    result.replace_all_uses_with(source)
    owner.remove(node, safe=True)
