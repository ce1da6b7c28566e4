"""Reads `Scales` off an OpenVINO model that NNCF has quantised.

OpenVINO keeps the ONNX names: a tensor's names are the ONNX value's, a node's friendly name is the ONNX
node's, followed by `/...` for the parts of a node that becomes several.

    Conv X  ->  X/WithoutBiases (Convolution) + X (Add of the bias)
    weights ->  Multiply(Convert(Constant int8), Constant scale)
    ranges  ->  FakeQuantize(tensor, low, high, low, high)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgemed.compress.bias import bias_places
from edgemed.compress.scales import ActivationScale, Scales, WeightScale

if TYPE_CHECKING:
    import onnx

_WEIGHTED = ("Conv", "Gemm", "MatMul")


def read_scales(quantised: Any, model: onnx.ModelProto, *, biases_corrected: bool) -> Scales:
    """`quantised` is the openvino.Model that NNCF gave for `model`.

    Biases are read where NNCF has corrected them; else the ONNX graph's own hold.
    """
    places = bias_places(model) if biases_corrected else {}
    nodes = {node.name: node for node in model.graph.node}
    values = {name for node in model.graph.node for name in (*node.input, *node.output)}
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    activations: list[ActivationScale] = []
    weights: list[WeightScale] = []
    biases: dict[str, NDArray[np.float32]] = {}
    for op in quantised.get_ordered_ops():
        kind = op.get_type_name()
        if kind == "FakeQuantize":
            activations += _activations(op, nodes, values)
        elif kind in ("Convolution", "GroupConvolution", "MatMul"):
            node = nodes.get(_onnx_name(op, nodes))
            if node is None or node.op_type not in _WEIGHTED or node.input[1] not in initializers:
                continue
            weight = _weight(op, node, tuple(initializers[node.input[1]].dims))
            if weight:
                weights.append(weight)
            if weight and node.name in places:
                holder, index = places[node.name]
                shape = tuple(initializers[holder.input[index]].dims)
                bias, beta = _bias(op), _attribute(holder, "beta", 1.0)
                if bias is not None and bias.size == np.prod(shape) and beta != 0:
                    biases[node.name] = (bias / np.float32(beta)).reshape(shape)
    return Scales(tuple(activations), tuple(weights), biases)


def _onnx_name(op: Any, nodes: dict[str, Any]) -> str:
    name: str = op.get_friendly_name()
    while name not in nodes and "/" in name:
        name = name.rpartition("/")[0]
    return name


def _activations(op: Any, nodes: dict[str, Any], values: set[str]) -> list[ActivationScale]:
    """One per ONNX value that the quantised tensor stands for: a reshape that does nothing is gone here."""
    low = float(np.min(op.input_value(1).get_node().get_data()))
    high = float(np.max(op.input_value(2).get_node().get_data()))
    found = _consumers(op, nodes)
    taken = {
        name: tuple(node for node in found if name in nodes[node].input)
        for name in sorted(set(op.input_value(0).get_names()) & values)
    }
    return [ActivationScale(name, low, high, consumers) for name, consumers in taken.items() if consumers]


def _consumers(op: Any, nodes: dict[str, Any]) -> tuple[str, ...]:
    """ONNX nodes behind a FakeQuantize; where a consumer has no ONNX name, the nearest ones behind it."""
    found: dict[str, None] = {}
    waiting = [port.get_node() for port in op.output(0).get_target_inputs()]
    while waiting:
        consumer = waiting.pop(0)
        if consumer.get_type_name() in ("ShapeOf", "Result"):
            continue
        name = _onnx_name(consumer, nodes)
        if name in nodes:
            found[name] = None
        else:
            waiting += [
                port.get_node() for output in consumer.outputs() for port in output.get_target_inputs()
            ]
    return tuple(found)


def _weight(op: Any, node: onnx.NodeProto, shape: tuple[int, ...]) -> WeightScale | None:
    multiply = op.input_value(1).get_node()
    if multiply.get_type_name() == "Reshape":
        multiply = multiply.input_value(0).get_node()
    if multiply.get_type_name() != "Multiply":
        return None
    convert, scale = (multiply.input_value(i).get_node() for i in (0, 1))
    if convert.get_type_name() != "Convert" or scale.get_type_name() != "Constant":
        return None
    constant = convert.input_value(0).get_node()
    if constant.get_type_name() != "Constant" or constant.get_element_type().get_type_name() != "i8":
        return None
    values: NDArray[np.int8] = np.array(constant.get_data(), dtype=np.int8)
    scales: NDArray[np.float32] = np.array(scale.get_data(), dtype=np.float32)
    full = np.broadcast_to(scales, values.shape) if scales.ndim == values.ndim else None
    if full is None:
        return None
    if op.get_type_name() == "MatMul":
        if bool(op.get_attributes()["transpose_b"]) != bool(_attribute(node, "transB", 0)):
            values, full = np.swapaxes(values, -1, -2), np.swapaxes(full, -1, -2)
    elif values.size == np.prod(shape):
        values, full = values.reshape(shape), full.reshape(shape)
    if values.shape != shape:
        return None
    return _per_axis(node.name, np.ascontiguousarray(values), full)


def _per_axis(name: str, values: NDArray[np.int8], full: NDArray[np.float32]) -> WeightScale | None:
    """The axis along which the scales vary, when there is only one."""
    for axis in range(values.ndim):
        vector = np.moveaxis(full, axis, 0).reshape(values.shape[axis], -1)
        if (vector == vector[:, :1]).all():
            return WeightScale(name, values, np.ascontiguousarray(vector[:, 0]), axis)
    return None


def _attribute(node: onnx.NodeProto, name: str, default: float) -> float:
    from onnx import helper

    found = [helper.get_attribute_value(each) for each in node.attribute if each.name == name]
    return float(found[0]) if found else default


def _bias(op: Any) -> NDArray[np.float32] | None:
    """The constant added right behind a layer, as NNCF corrected it; of a Gemm, its bias times beta."""
    for port in op.output(0).get_target_inputs():
        node = port.get_node()
        if node.get_type_name() == "Add":
            constant = node.input_value(1 - port.get_index()).get_node()
            if constant.get_type_name() == "Reshape":
                constant = constant.input_value(0).get_node()
            if constant.get_type_name() == "Constant":
                data: NDArray[np.float32] = np.array(constant.get_data(), dtype=np.float32)
                return data
    return None
