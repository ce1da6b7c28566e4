"""Writes the form `float16`: weights and arithmetic in fp16, inputs and outputs unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.compress.keep_float import float_nodes
from edgemed.compress.onnx_file import read_onnx, write_onnx

if TYPE_CHECKING:
    import onnx


def write_float16(graph: Path, out: Path) -> None:
    """Convert with onnxruntime's converter. The nodes of `float_nodes` stay in fp32.

    The converter rounds to fp16 between any two nodes, also where both stay in fp32; those pairs of casts are
    removed, or a sigmoid would answer 1 for every score above .9998. It also writes the same cast once for
    each kept node behind a tensor. Casts that the graph came with are left alone.
    """
    from onnx import shape_inference
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    model = shape_inference.infer_shapes(read_onnx(graph))
    own = {node.name for node in model.graph.node}
    converted = convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, "LayerNormalization", "Softmax"],
        node_block_list=list(float_nodes(graph)),
    )
    _drop_repeated_nodes(converted)
    _join_around_casts(converted, own)
    sorted_model = OnnxModel(converted)
    sorted_model.topological_sort()
    write_onnx(sorted_model.model, out)


def _drop_repeated_nodes(model: onnx.ModelProto) -> None:
    """Of nodes that give the same tensor, keep the first."""
    given: set[str] = set()
    kept = []
    for node in model.graph.node:
        if not given & set(node.output):
            kept.append(node)
        given |= {name for name in node.output if name}
    _replace_nodes(model, kept)


def _join_around_casts(model: onnx.ModelProto, own: set[str]) -> None:
    """Before: x -> Cast to fp16 -> Cast to fp32 -> y, neither of them in `own`. After: x -> y."""
    from onnx import TensorProto

    def added(node: onnx.NodeProto | None, to: int) -> bool:
        return (
            node is not None and node.op_type == "Cast" and node.name not in own and node.attribute[0].i == to
        )

    producer = {output: node for node in model.graph.node for output in node.output}
    source: dict[str, str] = {}
    for node in model.graph.node:
        rounding = producer.get(node.input[0]) if node.input else None
        if rounding is not None and added(node, TensorProto.FLOAT) and added(rounding, TensorProto.FLOAT16):
            source[node.output[0]] = node.input[0] = rounding.input[0]
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = source.get(name, name)
    used = {name for node in model.graph.node for name in node.input}
    used |= {value.name for value in model.graph.output}
    _replace_nodes(
        model, [node for node in model.graph.node if node.op_type != "Cast" or used & set(node.output)]
    )


def _replace_nodes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)
