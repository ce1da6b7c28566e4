"""Placement: which tensors of a graph get Quantize and Dequantize, beyond those the quantiser named.

onnxruntime fuses DQ -> Conv -> (Relu) -> Q into one integer kernel. A Conv or Gemm with no Quantize behind
it, or with one beside another consumer, would unpack its weights at every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.compress.onnx_file import read_onnx
from edgemed.compress.scales import ActivationScale, Scales

if TYPE_CHECKING:
    import onnx

_NEEDS_QUANTIZE_BEHIND = ("Conv", "Gemm")
_FUSED_ACTIVATIONS = ("Relu", "Clip", "LeakyRelu")
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_PASSING = (
    "MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Gather", "Pad",
    "Identity",
)  # fmt: skip

Consumers = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Placement:
    """Ranges to write, the nodes that then run in int8, and the tensors that still want a range."""

    activations: tuple[ActivationScale, ...]
    quantised: frozenset[str]
    missing: dict[str, tuple[str, ...]]
    """Tensors that want a range and have none, and their consumers: outputs of quantised nodes (behind a
    fused activation), and the gate of a Swish behind one (a table of 256 entries is faster than Sigmoid)."""


def place(model: onnx.ModelProto, scales: Scales) -> Placement:
    """Repeat ranges behind nodes that only move values, give a quantised layer's output to all through its
    Quantize, and leave the inputs of float layers alone.
    """
    consumers = _consumers(model)
    outputs = frozenset(value.name for value in model.graph.output)
    activations = _behind_passing_nodes(model, scales.activations, consumers, outputs)
    fed = {name for scale in activations for name in scale.consumers}
    quantised = frozenset(weight.node for weight in scales.weights if weight.node in fed)
    requantised = _requantised(model, quantised, activations, consumers)
    activations = _for_all_consumers(activations, requantised, consumers)
    ranged = {scale.tensor for scale in activations}
    wanted = (*requantised, *_swish_gates(model, requantised, consumers))
    missing = {name: consumers[name] for name in wanted if name not in ranged | outputs}
    return Placement(_without_float_layers(model, activations, quantised, consumers), quantised, missing)


def missing_ranges(graph: Path, scales: Scales) -> dict[str, tuple[str, ...]]:
    """The tensors of `graph` that `place` wants a range for, and their consumers."""
    return place(read_onnx(graph), scales).missing


def with_ranges(
    scales: Scales, missing: Mapping[str, tuple[str, ...]], ranges: Mapping[str, tuple[float, float]]
) -> Scales:
    """`scales` with the measured ranges added."""
    extra = tuple(
        ActivationScale(tensor, *ranges[tensor], consumers) for tensor, consumers in missing.items()
    )
    return Scales(scales.activations + extra, scales.weights, scales.biases)


def _consumers(model: onnx.ModelProto) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for node in model.graph.node:
        for name in node.input:
            found.setdefault(name, {})[node.name] = None
    return {name: tuple(nodes) for name, nodes in found.items()}


def _behind_passing_nodes(
    model: onnx.ModelProto,
    activations: tuple[ActivationScale, ...],
    consumers: Consumers,
    outputs: frozenset[str],
) -> tuple[ActivationScale, ...]:
    known = {scale.tensor for scale in activations} | outputs
    ranges = {
        (scale.tensor, name): (scale.low, scale.high) for scale in activations for name in scale.consumers
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
            if output not in known and output in consumers:
                extra.append(ActivationScale(output, *common, consumers[output]))
                ranges |= {(output, name): common for name in consumers[output]}
    return activations + tuple(extra)


def _requantised(
    model: onnx.ModelProto,
    quantised: frozenset[str],
    activations: tuple[ActivationScale, ...],
    consumers: Consumers,
) -> tuple[str, ...]:
    """For each quantised node that needs a Quantize behind it, the tensor that it has to stand at."""
    ranged = {scale.tensor for scale in activations}
    nodes = {node.name: node for node in model.graph.node}
    found = []
    for node in model.graph.node:
        if node.op_type in _NEEDS_QUANTIZE_BEHIND and node.name in quantised:
            tensor = node.output[0]
            after = consumers.get(tensor, ())
            if tensor not in ranged and len(after) == 1 and nodes[after[0]].op_type in _FUSED_ACTIVATIONS:
                tensor = nodes[after[0]].output[0]
            found.append(tensor)
    return tuple(found)


def _swish_gates(
    model: onnx.ModelProto, requantised: tuple[str, ...], consumers: Consumers
) -> tuple[str, ...]:
    """Outputs of Sigmoid nodes on a tensor of `requantised` that are multiplied with that tensor."""
    behind = {node.name: node for node in model.graph.node}
    return tuple(
        node.output[0]
        for node in model.graph.node
        if node.op_type == "Sigmoid"
        and node.input[0] in requantised
        and all(
            behind[name].op_type == "Mul" and node.input[0] in behind[name].input
            for name in consumers.get(node.output[0], ())
        )
    )


def _for_all_consumers(
    activations: tuple[ActivationScale, ...], tensors: tuple[str, ...], consumers: Consumers
) -> tuple[ActivationScale, ...]:
    """Give consumers of `tensors` that would take the float value the first quantised one."""
    served: dict[str, set[str]] = {}
    for scale in activations:
        served.setdefault(scale.tensor, set()).update(scale.consumers)
    widened = []
    for scale in activations:
        if scale.tensor in tensors:
            rest = tuple(name for name in consumers[scale.tensor] if name not in served[scale.tensor])
            served[scale.tensor].update(rest)
            scale = replace(scale, consumers=scale.consumers + rest)
        widened.append(scale)
    return tuple(widened)


def _without_float_layers(
    model: onnx.ModelProto,
    activations: tuple[ActivationScale, ...],
    quantised: frozenset[str],
    consumers: Consumers,
) -> tuple[ActivationScale, ...]:
    """Between DQ and Q onnxruntime would quantise the weights of a float layer by itself."""
    constants = {tensor.name for tensor in model.graph.initializer}
    layers = frozenset(
        node.name
        for node in model.graph.node
        if node.op_type in _WEIGHTED and node.name not in quantised and constants & set(node.input[:2])
    )
    ranged = {scale.tensor for scale in activations}
    nodes = {node.name: node for node in model.graph.node}
    alone = {
        name
        for name in layers
        if ranged
        & {nodes[name].output[0], *(nodes[n].output[0] for n in consumers.get(nodes[name].output[0], ()))}
    }
    kept = (
        replace(scale, consumers=tuple(name for name in scale.consumers if name not in alone))
        for scale in activations
    )
    return tuple(scale for scale in kept if scale.consumers)
