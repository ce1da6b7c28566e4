"""Which nodes stay in float by default: those before the first layers, behind the last, and norms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.compress.onnx_file import read_onnx

if TYPE_CHECKING:
    import onnx

FRONT = "edgemed/front/"
ENDING = "edgemed/ending/"
_FLOAT_OPS = (
    "LayerNormalization",
    "Softmax",
    "InstanceNormalization",
    "GroupNormalization",
    "RMSNormalization",
)
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_RECURRENT = ("LSTM", "GRU", "RNN")


def float_nodes(graph: Path) -> tuple[str, ...]:
    """Names of nodes of `graph` that must not be quantised.

    - preprocessing (`edgemed/front/`) and the model's own arithmetic before its first layers: an MS lesion is
      about 0.3 % of a whole-head MR signal, less than one int8 step of the input;
    - the ending (`edgemed/ending/`) and every node between the last layer and an output: an int8 sigmoid
      leaves a handful of distinct scores;
    - the last Conv, Gemm or MatMul before each output, heads of regression included;
    - normalisations and softmax.
    """
    model = read_onnx(graph)
    kept = {
        node.name
        for node in model.graph.node
        if node.name.startswith((FRONT, ENDING)) or node.op_type in _FLOAT_OPS
    }
    return tuple(sorted(kept | _before_first_layers(model) | _last_layers(model)))


def is_transformer(graph: Path) -> bool:
    """Whether the graph holds attention: a Softmax result multiplied with another computed tensor."""
    model = read_onnx(graph)
    constants = {tensor.name for tensor in model.graph.initializer}
    softmax = {node.output[0] for node in model.graph.node if node.op_type == "Softmax"}
    return any(
        node.op_type in ("MatMul", "Einsum") and softmax & set(node.input) and not constants & set(node.input)
        for node in model.graph.node
    ) or any(node.op_type in ("Attention", "MultiHeadAttention") for node in model.graph.node)


def _before_first_layers(model: onnx.ModelProto) -> set[str]:
    """Nodes that no layer with weights comes before."""
    constants = {tensor.name for tensor in model.graph.initializer}
    behind: set[str] = set()
    kept: set[str] = set()
    for node in model.graph.node:
        weighted = node.op_type in (*_LAYERS, *_RECURRENT) and bool(constants & set(node.input[1:]))
        layer = weighted and not node.name.startswith(FRONT)
        if layer or behind & set(node.input):
            behind |= set(node.output)
        else:
            kept.add(node.name)
    return kept


def _last_layers(model: onnx.ModelProto) -> set[str]:
    producer = {output: node for node in model.graph.node for output in node.output}
    kept: set[str] = set()
    waiting = [value.name for value in model.graph.output]
    seen: set[str] = set()
    while waiting:
        node = producer.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        kept.add(node.name)
        if node.op_type not in _LAYERS:
            waiting += list(node.input)
    return kept
