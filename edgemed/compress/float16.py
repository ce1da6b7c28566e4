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
    each kept node behind a tensor.
    """
    from onnx import shape_inference
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    model = shape_inference.infer_shapes(read_onnx(graph))
    converted = convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, "LayerNormalization", "Softmax"],
        node_block_list=list(float_nodes(graph)),
    )
    _drop_repeated_nodes(converted)
    mixed = OnnxModel(converted)
    mixed.remove_cascaded_cast_nodes()
    mixed.remove_useless_cast_nodes()
    mixed.topological_sort()
    write_onnx(mixed.model, out)


def _drop_repeated_nodes(model: onnx.ModelProto) -> None:
    """Of nodes that give the same tensor, keep the first."""
    given: set[str] = set()
    kept = []
    for node in model.graph.node:
        if not given & set(node.output):
            kept.append(node)
        given |= {name for name in node.output if name}
    del model.graph.node[:]
    model.graph.node.extend(kept)
