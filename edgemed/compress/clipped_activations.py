"""Activations cut off, as where TensorRT's parser reads uint8 as int8. A control for the judge."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgemed.compress.calibration import Batch
from edgemed.compress.keep_float import FRONT
from edgemed.compress.onnx_file import read_onnx, unique_name, write_onnx
from edgemed.compress.ranges import tensor_ranges

_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN")


def write_clipped(graph: Path, stream: Iterable[Batch], share: float, out: Path) -> int:
    """Write `graph` with what layers with weights take from earlier ones clipped to `share` of its range.

    Ranges are the smallest and largest value, zero included, over `stream`: the activations that an int8
    form would quantise. Gives how many were clipped.
    """
    from onnx import helper, numpy_helper

    clipped = _between_layers(graph)
    ranges = tensor_ranges(graph, clipped, stream) if clipped else {}
    model = read_onnx(graph)
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    nodes = list(model.graph.node)
    del model.graph.node[:]
    cut: dict[str, str] = {}
    for node in nodes:
        for index, name in enumerate(node.input):
            node.input[index] = cut.get(name, name)
        model.graph.node.append(node)
        for name in ranges.keys() & set(node.output):
            low, high = ranges[name]
            bounds = []
            for kind, value in (("low", min(low, 0.0) * share), ("high", max(high, 0.0) * share)):
                bounds.append(unique_name(f"{name}/clip/{kind}", taken))
                model.graph.initializer.append(numpy_helper.from_array(np.float32(value), bounds[-1]))
            cut[name] = unique_name(f"{name}/clipped", taken)
            model.graph.node.append(helper.make_node("Clip", [name, *bounds], [cut[name]], name=cut[name]))
    write_onnx(model, out)
    return len(cut)


def _between_layers(graph: Path) -> list[str]:
    """Tensors that a layer with constant weights takes and that are computed behind another one."""
    model = read_onnx(graph)
    constants = {tensor.name for tensor in model.graph.initializer}
    behind: set[str] = set()
    found: dict[str, None] = {}
    for node in model.graph.node:
        layer = node.op_type in _LAYERS and not node.name.startswith(FRONT) and constants & set(node.input)
        if layer:
            found.update(dict.fromkeys(name for name in node.input if name in behind))
        if layer or behind & set(node.input):
            behind |= set(node.output)
    return list(found)
