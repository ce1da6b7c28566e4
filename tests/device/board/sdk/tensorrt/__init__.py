"""The TensorRT of a board that is missing here: what edgemed calls of it, as strict; onnxruntime computes.

An engine is a line that says for which GPU and TensorRT it is, and the graph. BOARD_TENSORRT is the version.
BOARD_CALLS names a file that gets a line for each build and each deserialisation. BOARD_MODE:

- hang, crash: while building; crash-load: while deserialising
- refuse: the builder gives no engine; refuse-load: the runtime takes none
- clip: activations keep half of their range, as where a parser reads uint8 as int8
- fail: the engine does not execute
- warn: the parser warns
"""

from __future__ import annotations

import enum
import os
import time

from . import engine  # noqa: TID253
from .engine import header, tell  # noqa: TID253
from .logger import ILogger, Logger  # noqa: TID253

__version__ = os.environ.get("BOARD_TENSORRT", "10.3.0")
__all__ = ["ILogger", "Logger"]
DataType, TensorIOMode, nptype = engine.DataType, engine.TensorIOMode, engine.nptype
Runtime, ICudaEngine, IExecutionContext = engine.Runtime, engine.ICudaEngine, engine.IExecutionContext
_UNKNOWN = {"DFT", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"}
_MODE = os.environ.get("BOARD_MODE", "")


_ALWAYS_STRONG = int(__version__.split(".")[0]) >= 11

NetworkDefinitionCreationFlag = enum.IntEnum(
    "NetworkDefinitionCreationFlag", {} if _ALWAYS_STRONG else {"STRONGLY_TYPED": 1}
)


class BuilderFlag(enum.IntEnum):
    TF32 = 1


class ProfilingVerbosity(enum.IntEnum):
    DETAILED = 2


class ITensor:
    def __init__(self, value) -> None:
        shape = value.type.tensor_type.shape.dim
        self.name = value.name
        self.shape = tuple(each.dim_value if each.HasField("dim_value") else -1 for each in shape)


class INetworkDefinition:
    def __init__(self) -> None:
        self.graph = b""
        self.inputs: list[ITensor] = []

    @property
    def num_inputs(self):
        return len(self.inputs)

    def get_input(self, index):
        return self.inputs[index]


class ParserError:
    def __init__(self, node, reason: str) -> None:
        self._node, self._reason = node, reason

    def node_name(self):
        return self._node.name

    def node_operator(self):
        return self._node.op_type

    def desc(self):
        return self._reason


class OnnxParser:
    def __init__(self, network, logger) -> None:
        self._network, self._logger = network, logger
        self._errors: list[ParserError] = []

    @property
    def num_errors(self):
        return len(self._errors)

    def get_error(self, index):
        return self._errors[index]

    def parse(self, model, path=None):
        import onnx

        said = self._logger.log
        try:
            graph = onnx.load_from_string(model).graph
        except Exception:  # noqa: BLE001  as the real one, which raises nothing
            said(ILogger.Severity.ERROR, "ModelImporter.cpp: Failed to parse ONNX model")
            return False
        self._errors = [ParserError(each, "false") for each in graph.node if each.op_type in _UNKNOWN]
        if _MODE == "warn":
            said(ILogger.Severity.WARNING, f"Make sure input {graph.input[0].name} has Int64 binding.")
        self._network.graph = bytes(model)
        self._network.inputs = [ITensor(each) for each in graph.input]
        return not self._errors


class IOptimizationProfile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple] = {}

    def set_shape(self, input, min, opt, max):
        self.shapes[input] = (tuple(min), tuple(opt), tuple(max))


class ITimingCache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self):
        return memoryview(self.content)


class IBuilderConfig:
    def __init__(self) -> None:
        self.profiling_verbosity = None
        self.flags = {BuilderFlag.TF32}
        self.cache: ITimingCache | None = None
        self.profiles: list[IOptimizationProfile] = []

    def clear_flag(self, flag):
        self.flags.discard(flag)

    def create_timing_cache(self, serialized_timing_cache):
        return ITimingCache(bytes(serialized_timing_cache))

    def set_timing_cache(self, cache, ignore_mismatch):
        if cache.content and cache.content != _tactics() and not ignore_mismatch:
            return False
        self.cache = cache
        return True

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)
        return len(self.profiles) - 1


class Builder:
    def __init__(self, logger) -> None:
        self._logger = logger

    def create_network(self, flags=0):
        if flags != (0 if _ALWAYS_STRONG else 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED):
            raise RuntimeError("edgemed asks for strongly typed networks only")
        return INetworkDefinition()

    def create_builder_config(self):
        return IBuilderConfig()

    def create_optimization_profile(self):
        return IOptimizationProfile()

    def build_serialized_network(self, network, config):
        fixed = [set(shapes) for each in config.profiles for shapes in each.shapes.values()]
        complete = len(fixed) == network.num_inputs and all(len(each) == 1 for each in fixed)
        if _MODE == "refuse" or not complete:
            self._logger.log(ILogger.Severity.ERROR, "No implementation computes the node")
            return None
        tell("build", "known tactics" if config.cache and config.cache.content else "timed tactics")
        if _MODE == "hang":
            time.sleep(3600)
        if _MODE == "crash":
            os.abort()
        if config.cache:
            config.cache.content = _tactics()
        return memoryview(header(__version__) + network.graph)


def _tactics() -> bytes:
    return b"tactics for " + header(__version__)
