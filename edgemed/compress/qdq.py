"""Writes int8 forms as ONNX Q/DQ.

    before:  x -> Conv(W, b) -> Relu -> y
    after:   x -> Q -> DQ -> Conv(DQ(Wq), b') -> Relu -> Q -> DQ -> y

`placement` says where the pairs stand. A weight stays in float when its node's input is in float.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgemed.compress.bias import bias_places
from edgemed.compress.onnx_file import read_onnx, unique_name, write_onnx
from edgemed.compress.placement import place
from edgemed.compress.scales import ActivationScale, Scales, WeightScale

if TYPE_CHECKING:
    import onnx

_LEVELS = 255
_MOST = 127


def write_qdq(graph: Path, scales: Scales, out: Path, *, signed: bool) -> None:
    """Write `graph` with Q/DQ nodes to `out`: activations in uint8, or `signed` in int8 with zero point 0.

    Signed weights are rounded anew to 8 bits: the quantiser's may have 7, for CPUs whose sums saturate. Their
    biases are those of `graph`: corrected ones make up for the quantiser's rounding.
    """
    from onnx import helper

    model = read_onnx(graph)
    weights = [_in_8_bits(model, each) for each in scales.weights] if signed else list(scales.weights)
    biases = {} if signed else scales.biases
    placement = place(model, scales)
    quantised = placement.quantised
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    head: dict[str, list[onnx.NodeProto]] = {}
    for scale in placement.activations:
        pair = _quantise_activation(model, scale, signed, taken)
        head.setdefault(scale.tensor, []).extend(pair)
    weight_nodes = [_quantise_weight(model, weight, taken) for weight in weights if weight.node in quantised]
    places = bias_places(model)
    for name in sorted(quantised & biases.keys()):
        node, index = places[name]
        node.input[index] = _bias(model, name, biases[name], taken)
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


def uint8_scale(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of uint8 for a range that is widened to hold zero, so that zero is exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / _LEVELS
    if scale < np.finfo(np.float32).tiny:
        scale = 1.0
    return scale, round(min(max(-low / scale, 0.0), float(_LEVELS)))


def int8_scale(low: float, high: float) -> float:
    """Scale of int8 with zero point 0 for a range; -128 is not used."""
    scale = max(abs(low), abs(high)) / _MOST
    return scale if scale >= np.finfo(np.float32).tiny else 1.0


def _in_8_bits(model: onnx.ModelProto, weight: WeightScale) -> WeightScale:
    """The float weights, rounded to -127 .. 127 with the largest of each channel at the end."""
    from onnx import numpy_helper

    node = next(node for node in model.graph.node if node.name == weight.node)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == node.input[1])
    values = numpy_helper.to_array(tensor).astype(np.float32)
    others = tuple(axis for axis in range(values.ndim) if axis != weight.axis)
    largest = np.abs(values).max(axis=others, keepdims=True)
    scale = np.where(largest / _MOST < np.finfo(np.float32).tiny, 1.0, largest / _MOST).astype(np.float32)
    rounded = np.clip(np.rint(values / scale), -_MOST, _MOST).astype(np.int8)
    return WeightScale(weight.node, rounded, scale.reshape(-1), weight.axis)


def _quantise_activation(
    model: onnx.ModelProto, scale: ActivationScale, signed: bool, taken: set[str]
) -> list[onnx.NodeProto]:
    from onnx import helper, numpy_helper

    step, zero = (int8_scale(scale.low, scale.high), 0) if signed else uint8_scale(scale.low, scale.high)
    base = unique_name(f"{scale.tensor}/q", taken)
    names = {part: f"{base}/{part}" for part in ("scale", "zero_point", "quantised", "dequantised")}
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(step, dtype=np.float32), names["scale"]),
            numpy_helper.from_array(np.array(zero, np.int8 if signed else np.uint8), names["zero_point"]),
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


def _bias(model: onnx.ModelProto, node: str, values: NDArray[np.float32], taken: set[str]) -> str:
    from onnx import numpy_helper

    name = unique_name(f"{node}/bias", taken)
    model.graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _drop_unused_initializers(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    used |= {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
