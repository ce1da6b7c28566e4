"""onnxruntime as the reference that runs an ONNX file while it is being made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def reference_session(model: Path | bytes) -> Any:
    """An `onnxruntime.InferenceSession` of one thread on the CPU that logs nothing but fatal errors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def reference_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises for a graph or an input it cannot run."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile,
        state.NotImplemented, state.RuntimeException, state.EPFail, state.EngineError,
        ValueError, RuntimeError,
    )  # fmt: skip


def intermediate_values(model: Any, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Run a ModelProto with every value of its main graph as an output; names to arrays, in graph order."""
    import onnx

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    names = [name for node in probe.graph.node for name in node.output if name]
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = reference_session(probe.SerializeToString())
    values = session.run(None, batch)
    return {name: value for name, value in zip(names, values, strict=True) if isinstance(value, np.ndarray)}
