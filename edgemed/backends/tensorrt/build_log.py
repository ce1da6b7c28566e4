"""BuildLog: what TensorRT says while it parses and builds. It keeps one logger for a process: the first."""

from __future__ import annotations

import functools
import re
from types import ModuleType
from typing import Any

_LAYER = re.compile(r"^Name: (?P<name>.*?), LayerType: (?P<kind>[^,]+), ")
_INPUT_TYPE = re.compile(r"Inputs: \[ \{[^}]*?Datatype: (?P<type>\w+)")
_ONNX = re.compile(r"\[ONNX Layer: ([^\]]+)\]")
_PRECISIONS = {"Int8": "int8", "Half": "fp16", "Float": "fp32", "BFloat16": "bf16"}
_CLIPS = "Defaulting to INT8"
"""In the verbose log alone: uint8 is read as int8 and everything above 127 steps is clipped."""


@functools.cache
def build_log(trt: ModuleType) -> Any:
    """The process's logger; `start` empties it."""

    class BuildLog(trt.ILogger):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.rows: list[tuple[int, str]] = []

        def log(self, severity: Any, message: str) -> None:
            self.rows.append((int(severity), message))

        def start(self) -> None:
            self.rows.clear()

        def at_least(self, severity: Any) -> list[str]:
            """Messages of this severity and worse."""
            return [message for level, message in self.rows if level <= int(severity)]

        def clipped(self) -> bool:
            return any(_CLIPS in message for _, message in self.rows)

        def layers(self) -> list[EngineLayer]:
            """The builder's own table, which it writes with detailed profiling; empty where it wrote none."""
            text = next((message for _, message in self.rows if message.startswith("Layers:")), "")
            return [each for each in map(_layer, text.splitlines()) if each is not None]

    return BuildLog()


EngineLayer = tuple[str, str, str, tuple[str, ...]]
"""Name, kind, precision of its first input, and the ONNX nodes that it computes."""


def _layer(line: str) -> EngineLayer | None:
    found = _LAYER.match(line)
    if found is None:
        return None
    kind = _INPUT_TYPE.search(line)
    shown = kind["type"] if kind else ""
    return found["name"], found["kind"], _PRECISIONS.get(shown, shown), tuple(_ONNX.findall(line))
