"""BuildLog: what TensorRT says while it parses and builds. It keeps one logger for a process: the first."""

from __future__ import annotations

import functools
import math
import re
from types import ModuleType
from typing import Any

_ROW = re.compile(r"Name: (?P<name>.*?), LayerType: (?P<kind>[^,]+), ")
_TENSOR = re.compile(r"Dimensions: \[(?P<shape>[\d,]*)\][^}]*?Datatype: (?P<type>\w+)")
_ONNX = re.compile(r"\[ONNX Layer: ([^\]]+)\]")
_CASTS = ("/Q", "/DQ")
"""Endings of the Quantize and Dequantize nodes that edgemed writes: they are part of what they stand at."""
_PRECISIONS = {"Int8": "int8", "Half": "fp16", "BFloat16": "bf16", "Float": "fp32"}
"""By the builder's names, narrow ones first."""
_CLIPS = "Defaulting to INT8"
"""A warning of some versions, a verbose line of others: everything above 127 steps is clipped."""

EngineLayer = tuple[str, str, str]
"""See `edgemed.types.Engine.layers`."""


@functools.cache
def build_log(trt: ModuleType) -> Any:
    """The process's logger; `start` empties it."""

    class BuildLog(trt.ILogger):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.rows: list[tuple[int, str]] = []

        def log(self, severity: Any, msg: str) -> None:
            self.rows.append((int(severity), msg))

        def start(self) -> None:
            self.rows.clear()

        def at_least(self, severity: Any) -> list[str]:
            """Messages of this severity and worse."""
            return [message for level, message in self.rows if level <= int(severity)]

        def clipped(self) -> bool:
            return any(_CLIPS in message for _, message in self.rows)

        def layers(self) -> list[EngineLayer]:
            """The builder's own table, which `tensorrt-rtx` writes with detailed profiling; else empty."""
            text = next((message for _, message in self.rows if message.startswith("Layers:")), "")
            return [each for each in map(_layer, text.splitlines()) if each is not None]

    return BuildLog()


def _layer(line: str) -> EngineLayer | None:
    found = _ROW.match(line)
    if found is None:
        return None
    nodes = list(dict.fromkeys(_ONNX.findall(line)))
    named = [node for node in nodes if not node.endswith(_CASTS)] or nodes or [found["name"]]
    return " + ".join(named), found["kind"], _precision(line)


def _precision(line: str) -> str:
    """The widest of what a kernel takes in: its inputs and its largest constant, which weights are."""
    inputs, _, constants = line.partition("Outputs: [")[0].partition("Constants: [")
    tensors = list(_TENSOR.finditer(inputs))
    tensors += sorted((each for each in _TENSOR.finditer(constants) if _size(each) > 1), key=_size)[-1:]
    types = [each["type"] for each in tensors]
    known = [each for each in _PRECISIONS if each in types]
    return _PRECISIONS[known[-1]] if known else "/".join(dict.fromkeys(types))


def _size(tensor: re.Match[str]) -> int:
    """1 for a scale."""
    return math.prod(int(each) for each in tensor["shape"].split(",") if each)
