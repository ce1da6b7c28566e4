"""Writes the form `float16`: weights and arithmetic in fp16, inputs and outputs unchanged."""

from __future__ import annotations

from pathlib import Path

from edgemed.compress.keep_float import float_nodes
from edgemed.compress.onnx_file import read_onnx, write_onnx


def write_float16(graph: Path, out: Path) -> None:
    """Convert with onnxruntime's converter. The nodes of `float_nodes` stay in fp32.

    The converter rounds to fp16 between any two nodes, also where both stay in fp32; those pairs of casts are
    removed, or a sigmoid would answer 1 for every score above .9998.
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
    mixed = OnnxModel(converted)
    mixed.remove_cascaded_cast_nodes()
    mixed.remove_useless_cast_nodes()
    mixed.topological_sort()
    write_onnx(mixed.model, out)
