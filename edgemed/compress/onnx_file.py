"""Reading and writing single-file ONNX models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def read_onnx(path: Path) -> onnx.ModelProto:
    import onnx

    return onnx.load(path)


def write_onnx(model: onnx.ModelProto, path: Path) -> None:
    """Write with checks, through a temporary sibling."""
    import onnx

    onnx.checker.check_model(model)
    temporary = path.with_name(f".{path.name}.tmp")
    onnx.save(model, temporary)
    temporary.replace(path)


def unique_name(wanted: str, taken: set[str]) -> str:
    """`wanted`, or `wanted.1`, ...; the result is added to `taken`."""
    name, count = wanted, 0
    while name in taken:
        count += 1
        name = f"{wanted}.{count}"
    taken.add(name)
    return name
