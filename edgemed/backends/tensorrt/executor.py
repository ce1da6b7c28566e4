"""TensorRtExecutor: an engine on the GPU, one sample at a time."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.backends.tensorrt.build_log import build_log
from edgemed.backends.tensorrt.gpu import call, cuda_runtime
from edgemed.backends.tensorrt.package import load
from edgemed.errors import ToolFailure, Unavailable
from edgemed.types import EnginePackage


class TensorRtExecutor:
    """Runs one row at a time: engines are built for a batch of 1.

    Inputs and outputs have memory of their own on the GPU for as long as this lives.
    """

    def __init__(self, engine: Path, package: EnginePackage, outputs: tuple[str, ...]) -> None:
        """Deserialises `engine`, which the caller has found to be of this GPU and this version.

        Raises `ToolFailure` where TensorRT refuses it, `Unavailable` where the GPU does.
        """
        trt = load(package)
        self._cuda = cuda_runtime()
        self._worst = trt.Logger.ERROR
        self._log = build_log(trt)
        self._log.start()
        self._runtime = trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(engine.read_bytes())
        context = None if self._engine is None else self._engine.create_execution_context()
        if context is None:
            raise ToolFailure(f"{package} refuses the engine: {self._said()}", where=engine.name)
        self._context = context
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        modes = {name: self._engine.get_tensor_mode(name) for name in names}
        self._inputs = [name for name in names if modes[name] == trt.TensorIOMode.INPUT]
        self.inputs = [(name,) for name in self._inputs]
        self.outputs = [(name,) for name in names if name not in self._inputs]
        self._wanted = [name for name in outputs if (name,) in self.outputs]
        for name in self._inputs:
            self._context.set_input_shape(name, (1, *tuple(self._engine.get_tensor_shape(name))[1:]))
        self._stream = call(self._cuda.cudaStreamCreate)
        self._device: dict[str, int] = {}
        weakref.finalize(self, _free, self._cuda, self._device, self._stream)
        self._host: dict[str, NDArray[Any]] = {}
        for name in names:
            kind = trt.nptype(self._engine.get_tensor_dtype(name))
            self._host[name] = np.empty(tuple(self._context.get_tensor_shape(name)), kind)
            self._device[name] = int(call(self._cuda.cudaMalloc, self._host[name].nbytes))
            self._context.set_tensor_address(name, self._device[name])

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        rows = [
            self._answer({name: array[row : row + 1] for name, array in inputs.items()})
            for row in range(len(next(iter(inputs.values()))))
        ]
        return rows[0] if len(rows) == 1 else [np.concatenate(parts) for parts in zip(*rows, strict=True)]

    def _answer(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        kind = self._cuda.cudaMemcpyKind
        self._log.start()
        try:
            for name in self._inputs:
                np.copyto(self._host[name], inputs[name])
                self._copy(
                    self._device[name], self._host[name].ctypes.data, name, kind.cudaMemcpyHostToDevice
                )
            if not self._context.execute_async_v3(int(self._stream)):
                raise RuntimeError(f"TensorRT did not execute the engine: {self._said()}")
            for name in self._wanted:
                self._copy(
                    self._host[name].ctypes.data, self._device[name], name, kind.cudaMemcpyDeviceToHost
                )
            call(self._cuda.cudaStreamSynchronize, self._stream)
        except Unavailable as error:
            raise RuntimeError(error.problem) from None
        return [self._host[name].copy() for name in self._wanted]

    def _copy(self, to: int, source: int, name: str, kind: Any) -> None:
        call(self._cuda.cudaMemcpyAsync, to, source, self._host[name].nbytes, kind, self._stream)

    def _said(self) -> str:
        return " ".join(" ".join(self._log.at_least(self._worst)).split())[:400] or "it says nothing more"


def _free(cuda: Any, device: Mapping[str, int], stream: Any) -> None:
    cuda.cudaStreamSynchronize(stream)
    for address in device.values():
        cuda.cudaFree(address)
    cuda.cudaStreamDestroy(stream)
