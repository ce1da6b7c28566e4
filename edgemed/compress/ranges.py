"""Ranges of named float tensors over a stream, by onnxruntime; memory does not grow with the stream."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgemed.compress.calibration import Batch
from edgemed.compress.onnx_file import read_onnx


def tensor_ranges(
    graph: Path, tensors: Iterable[str], stream: Iterable[Batch]
) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of each tensor of `graph` over all batches of `stream`.

    The tensors are reduced inside the graph (ReduceMin, ReduceMax), so only two numbers leave it per tensor.
    """
    import onnxruntime as ort
    from onnx import TensorProto, helper

    model = read_onnx(graph)
    names = list(tensors)
    del model.graph.output[:]
    for index, name in enumerate(names):
        for kind in ("ReduceMin", "ReduceMax"):
            output = f"edgemed/range/{index}/{kind}"
            model.graph.node.append(helper.make_node(kind, [name], [output], keepdims=0))
            model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, []))
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    low = np.full(len(names), np.inf)
    high = np.full(len(names), -np.inf)
    for batch in stream:
        values = np.array(session.run(None, batch)).reshape(-1, 2)
        low = np.minimum(low, values[:, 0])
        high = np.maximum(high, values[:, 1])
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}
