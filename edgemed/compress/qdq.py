"""Writes the form `int8-uint8-activations`: ONNX Q/DQ with uint8 activations and int8 weights.

    before:  x -> Conv(W, b) -> Relu -> y
    after:   x -> Q -> DQ -> Conv(DQ(Wq), b') -> Relu -> Q -> DQ -> y

onnxruntime fuses DQ -> Conv -> (Relu) -> Q into one integer kernel. A Conv or Gemm with no Quantize behind it
would unpack its weights at every run, so each quantised one gets one; where the quantiser gave no range for it, `missing_ranges` names the tensor and `with_ranges` takes what was measured on the same
calibration set.
A weight stays in float when its node's input is in float.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgemed.compress.onnx_file import read_onnx, unique_name, write_onnx
from edgemed.compress.scales import ActivationScale, Scales, WeightScale

if TYPE_CHECKING:
    import onnx

_LEVELS = 255
_NEEDS_QUANTIZE_BEHIND = ("Conv", "Gemm")
_FUSED_ACTIVATIONS = ("Relu", "Clip", "LeakyRelu")
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_PASSING = (
    "MaxPool",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Split",
    "Gather",
    "Pad",
    "Identity",
)


def write_qdq(graph: Path, scales: Scales, out: Path) -> tuple[str, ...]:
    """Write `graph` with Q/DQ nodes to `out`. Gives the names of the nodes that run in int8."""
    from onnx import helper

    model = read_onnx(graph)
    scales = _without_float_layers(model, _through_passing_nodes(model, scales))
    quantised = quantised_nodes(model, scales)
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    head: dict[str, list[onnx.NodeProto]] = {}
    for scale in scales.activations:
        pair = _quantise_activation(model, scale, taken)
        head.setdefault(scale.tensor, []).extend(pair)
    weight_nodes = [
        _quantise_weight(model, weight, taken) for weight in scales.weights if weight.node in quantised
    ]
    for node in model.graph.node:
        if node.name in quantised and node.name in scales.biases:
            _replace_bias(model, node, scales, taken)
    ordered: list[onnx.NodeProto] = list(weight_nodes)
    for value in model.graph.input:
        ordered += head.pop(value.name, [])
    for node in model.graph.node:
        ordered.append(node)
        for output in node.output:
            ordered += head.pop(output, [])
    rest = helper.make_graph(
        ordered, model.graph.name, list(model.graph.input), list(model.graph.output),
        list(model.graph.initializer),
    )  # fmt: skip
    _drop_unused_initializers(rest)
    model.graph.CopyFrom(rest)
    write_onnx(model, out)
    return tuple(sorted(quantised))


def quantised_nodes(model: onnx.ModelProto, scales: Scales) -> set[str]:
    """Nodes with int8 weights whose data input is quantised too."""
    fed = {name for scale in scales.activations for name in scale.consumers}
    return {weight.node for weight in scales.weights if weight.node in fed}


def missing_ranges(graph: Path, scales: Scales) -> dict[str, tuple[str, ...]]:
    """Outputs of quantised Conv and Gemm (behind a fused activation) without a range, and their consumers."""
    model = read_onnx(graph)
    scales = _through_passing_nodes(model, scales)
    nodes = quantised_nodes(model, scales)
    ranged = {scale.tensor for scale in scales.activations}
    consumers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    outputs = {value.name for value in model.graph.output}
    missing: dict[str, tuple[str, ...]] = {}
    for node in model.graph.node:
        if node.op_type not in _NEEDS_QUANTIZE_BEHIND or node.name not in nodes:
            continue
        tensor = node.output[0]
        after = consumers.get(tensor, [])
        if tensor not in ranged and len(after) == 1 and after[0].op_type in _FUSED_ACTIVATIONS:
            tensor = after[0].output[0]
            after = consumers.get(tensor, [])
        if tensor not in ranged and tensor not in outputs:
            missing[tensor] = tuple(dict.fromkeys(node.name for node in after))
    return missing


def _through_passing_nodes(model: onnx.ModelProto, scales: Scales) -> Scales:
    """Repeat a range behind nodes that only move values and whose inputs are quantised alike."""
    consumers: dict[str, list[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node.name)
    known = {scale.tensor for scale in scales.activations} | {value.name for value in model.graph.output}
    ranges = {
        (scale.tensor, name): (scale.low, scale.high)
        for scale in scales.activations
        for name in scale.consumers
    }
    extra: list[ActivationScale] = []
    for node in model.graph.node:
        if node.op_type == "Concat":
            found = {ranges.get((name, node.name)) for name in node.input}
        elif node.op_type in _PASSING:
            found = {ranges.get((node.input[0], node.name))}
        else:
            continue
        common = found.pop()
        if common is None or found:
            continue
        for output in node.output:
            behind = tuple(dict.fromkeys(consumers.get(output, [])))
            if output not in known and behind:
                extra.append(ActivationScale(output, *common, behind))
                ranges |= {(output, name): common for name in behind}
    return Scales(scales.activations + tuple(extra), scales.weights, scales.biases)


def _without_float_layers(model: onnx.ModelProto, scales: Scales) -> Scales:
    """Leave the inputs of layers with float weights alone: onnxruntime would quantise such weights itself."""
    quantised = quantised_nodes(model, scales)
    constants = {tensor.name for tensor in model.graph.initializer}
    alone = {
        node.name
        for node in model.graph.node
        if node.op_type in _WEIGHTED and node.name not in quantised and constants & set(node.input[:2])
    }
    kept = []
    for scale in scales.activations:
        consumers = tuple(name for name in scale.consumers if name not in alone)
        if consumers:
            kept.append(replace(scale, consumers=consumers))
    return Scales(tuple(kept), scales.weights, scales.biases)


def with_ranges(
    scales: Scales, missing: dict[str, tuple[str, ...]], ranges: dict[str, tuple[float, float]]
) -> Scales:
    """`scales` with the measured ranges added."""
    extra = tuple(
        ActivationScale(tensor, *ranges[tensor], consumers) for tensor, consumers in missing.items()
    )
    return Scales(scales.activations + extra, scales.weights, scales.biases)


def uint8_scale(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of uint8 for a range that is widened to hold zero, so that zero is exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / _LEVELS or 1.0
    return scale, round(min(max(-low / scale, 0.0), float(_LEVELS)))


def _quantise_activation(
    model: onnx.ModelProto, scale: ActivationScale, taken: set[str]
) -> list[onnx.NodeProto]:
    from onnx import helper, numpy_helper

    step, zero = uint8_scale(scale.low, scale.high)
    base = unique_name(f"{scale.tensor}/q", taken)
    names = {part: f"{base}/{part}" for part in ("scale", "zero_point", "quantised", "dequantised")}
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(step, dtype=np.float32), names["scale"]),
            numpy_helper.from_array(np.array(zero, dtype=np.uint8), names["zero_point"]),
        ]
    )
    for node in model.graph.node:
        if node.name in scale.consumers:
            for index, name in enumerate(node.input):
                if name == scale.tensor:
                    node.input[index] = names["dequantised"]
    parameters = [names["scale"], names["zero_point"]]
    return [
        helper.make_node(
            "QuantizeLinear", [scale.tensor, *parameters], [names["quantised"]], name=f"{base}/Q"
        ),
        helper.make_node(
            "DequantizeLinear", [names["quantised"], *parameters], [names["dequantised"]], name=f"{base}/DQ"
        ),
    ]


def _quantise_weight(model: onnx.ModelProto, weight: WeightScale, taken: set[str]) -> onnx.NodeProto:
    from onnx import helper, numpy_helper

    base = unique_name(f"{weight.node}/weights", taken)
    zeros = np.zeros(weight.scale.shape, dtype=np.int8)
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(weight.values, f"{base}/quantised"),
            numpy_helper.from_array(weight.scale.astype(np.float32), f"{base}/scale"),
            numpy_helper.from_array(zeros, f"{base}/zero_point"),
        ]
    )
    for node in model.graph.node:
        if node.name == weight.node:
            node.input[1] = f"{base}/dequantised"
    return helper.make_node(
        "DequantizeLinear",
        [f"{base}/quantised", f"{base}/scale", f"{base}/zero_point"],
        [f"{base}/dequantised"],
        name=f"{base}/DQ",
        axis=weight.axis,
    )


def _replace_bias(model: onnx.ModelProto, node: onnx.NodeProto, scales: Scales, taken: set[str]) -> None:
    from onnx import numpy_helper

    name = unique_name(f"{node.name}/bias", taken)
    model.graph.initializer.append(numpy_helper.from_array(scales.biases[node.name], name))
    node.input[2] = name


def _drop_unused_initializers(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    used |= {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
