"""Runs an engine: a line about GPU and TensorRT, then the graph, which onnxruntime executes as written."""

from __future__ import annotations

import ctypes
import enum
import os
from pathlib import Path

import numpy as np
from cuda.bindings import runtime as cuda  # noqa: TID253

from .logger import ILogger  # noqa: TID253


class TensorIOMode(enum.IntEnum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class DataType(enum.IntEnum):
    FLOAT = 0
    HALF = 1
    INT8 = 2
    INT32 = 3
    BOOL = 4
    UINT8 = 5
    INT64 = 8


_TYPES = {
    DataType.FLOAT: np.float32, DataType.HALF: np.float16, DataType.INT8: np.int8, DataType.INT32: np.int32,
    DataType.BOOL: np.bool_, DataType.UINT8: np.uint8, DataType.INT64: np.int64,
}  # fmt: skip


def nptype(trt_type):
    return _TYPES[trt_type]


def header(version: str) -> bytes:
    kinds = cuda.cudaDeviceAttr
    major, minor = (cuda.cudaDeviceGetAttribute(each, 0)[1] for each in kinds)
    return f"engine of TensorRT {version} for {major}.{minor}\n".encode()


def tell(*words: str) -> None:
    """A line for the test."""
    if "BOARD_CALLS" in os.environ:
        with Path(os.environ["BOARD_CALLS"]).open("a", encoding="utf-8") as file:
            file.write(" ".join(words) + "\n")


class Runtime:
    def __init__(self, logger) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, serialized_engine):
        from . import __version__

        tell("deserialise")
        mode = os.environ.get("BOARD_MODE", "")
        if mode == "crash-load":
            os.abort()
        own = header(__version__)
        if mode == "refuse-load" or not serialized_engine.startswith(own):
            self._logger.log(ILogger.Severity.ERROR, "The engine plan file is not compatible")
            return None
        return ICudaEngine(serialized_engine[len(own) :], self._logger)


class ICudaEngine:
    def __init__(self, graph: bytes, logger) -> None:
        import onnx

        self._model, self._logger = onnx.load_from_string(graph), logger
        self._values = {
            value.name: (mode, value.type.tensor_type)
            for mode, values in (
                (TensorIOMode.INPUT, self._model.graph.input),
                (TensorIOMode.OUTPUT, self._model.graph.output),
            )
            for value in values
        }

    @property
    def num_io_tensors(self):
        return len(self._values)

    def get_tensor_name(self, index):
        return list(self._values)[index]

    def get_tensor_mode(self, name):
        return self._values[name][0]

    def get_tensor_shape(self, name):
        shape = self._values[name][1].shape.dim
        return tuple(each.dim_value if each.HasField("dim_value") else -1 for each in shape)

    def get_tensor_dtype(self, name):
        from onnx import helper

        kind = helper.tensor_dtype_to_np_dtype(self._values[name][1].elem_type)
        return next(each for each, type_ in _TYPES.items() if kind == type_)

    def create_execution_context(self):
        return IExecutionContext(self, self._model, self._logger)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine, model, logger) -> None:
        import onnxruntime as ort

        if os.environ.get("BOARD_MODE") == "clip":
            _clip(model)
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._engine, self._logger = engine, logger
        self._session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._shapes: dict[str, tuple] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name, shape):
        wanted = self._engine.get_tensor_shape(name)
        if len(shape) != len(wanted) or shape[0] != 1 or tuple(shape[1:]) != wanted[1:]:
            return False
        self._shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name):
        """-1 for the batch until every input has its shape."""
        known = len(self._shapes) == len(self._session.get_inputs())
        return (1 if known else -1, *self._engine.get_tensor_shape(name)[1:])

    def set_tensor_address(self, name, memory):
        if name not in [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]:
            return False
        self._addresses[name] = int(memory)
        return True

    def execute_async_v3(self, stream_handle):
        (status,) = cuda.cudaStreamSynchronize(int(stream_handle))
        complete = len(self._addresses) == self._engine.num_io_tensors
        if os.environ.get("BOARD_MODE") == "fail" or int(status) or not complete:
            self._logger.log(ILogger.Severity.ERROR, "Cuda failure: an illegal memory access")
            return False
        given = {each.name: self._memory(each.name).copy() for each in self._session.get_inputs()}
        names = [each.name for each in self._session.get_outputs()]
        for name, answer in zip(names, self._session.run(names, given), strict=True):
            np.copyto(self._memory(name), answer)
        return True

    def _memory(self, name: str) -> np.ndarray:
        shape, kind = self.get_tensor_shape(name), np.dtype(nptype(self._engine.get_tensor_dtype(name)))
        size = int(np.prod(shape)) * kind.itemsize
        held = (ctypes.c_char * size).from_address(self._addresses[name])
        return np.frombuffer(held, kind).reshape(shape)


def _clip(model) -> None:
    """Half the scale of each activation's Quantize and Dequantize: what lies beyond is clipped."""
    from onnx import numpy_helper

    scales = {node.input[1] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    for tensor in model.graph.initializer:
        if tensor.name in scales:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) / 2, tensor.name))
