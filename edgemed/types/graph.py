"""Graph: an ONNX file on disk with its contract."""

from __future__ import annotations

from edgemed.types.record import Record
from edgemed.types.tensor import InputSpec, OutputSpec


class Graph(Record):
    """An ONNX file (`path`) and what it takes and gives. `sha256` is the digest of the file's bytes."""

    path: str
    sha256: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    opset: int
    parameters: int
    """Number of trained values (elements of float initialisers)."""
