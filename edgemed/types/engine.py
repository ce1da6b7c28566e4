"""Engines of GPU runtimes: what a target asks for, and what was built."""

from __future__ import annotations

import operator
import re
from typing import Literal

from edgemed.errors import BadInput
from edgemed.types.record import Record

_CLAUSE = re.compile(r"(>=|<=|==|<|>)([0-9]{1,9}(?:\.[0-9]{1,9})*)")
_COMPARES = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_OPSETS = (18, 20)
"""What a compile writes, and the newest that any parser here reads."""

EnginePackage = Literal["tensorrt", "tensorrt-rtx"]


class EngineSpec(Record):
    """`[tensorrt]` of a target.

    `package`: `tensorrt-rtx` builds engines here, ahead of time and without a GPU, one for each of
    `compute_capabilities` (such as `8.6`); `tensorrt` builds one on the board, from a kit. `versions` is what
    the board has (`>=10.3,<11`), `opset` the newest that its parser reads. With `timing_cache` a board keeps
    the tactics that it has timed, and later builds take them; without, each build times its own, such as
    after another power mode.
    """

    package: EnginePackage
    compute_capabilities: tuple[str, ...]
    versions: str = ""
    opset: int = 20
    timing_cache: bool = True

    def __post_init__(self) -> None:
        if not self.compute_capabilities:
            raise BadInput("no compute capability", where="compute_capabilities")
        for each in self.compute_capabilities:
            if not re.fullmatch(r"[1-9][0-9]?\.[0-9]", each):
                raise BadInput(
                    f"{each!r} is no compute capability", where="compute_capabilities", remedy='write "8.6"'
                )
            if self.compute_capabilities.count(each) > 1:
                raise BadInput(f"{each} is named twice", where="compute_capabilities", remedy="name it once")
        clauses = self.versions.split(",") if self.versions else []
        if not all(_CLAUSE.fullmatch(each) for each in clauses):
            raise BadInput(
                f"{self.versions!r} names no versions", where="versions", remedy='write ">=10.3,<11"'
            )
        if not _OPSETS[0] <= self.opset <= _OPSETS[1]:
            raise BadInput(f"opset {self.opset} is not from {_OPSETS[0]} to {_OPSETS[1]}", where="opset")

    def takes(self, version: str) -> bool:
        """Whether the board's `version` is among `versions`, by its numbers alone."""
        own = _numbers(version)
        for clause in self.versions.split(",") if self.versions else ():
            sign, numbers = _CLAUSE.fullmatch(clause).groups()  # type: ignore[union-attr]
            given = _numbers(numbers)
            length = len(given) if sign == "==" else max(len(own), len(given))
            if not _COMPARES[sign](_padded(own, length), _padded(given, length)):
                return False
        return True


class Engine(Record):
    """A built engine: what of, by what, for what. It runs nowhere else.

    `sha256` is the engine's own, `graph` the ONNX file's; `driver` is empty where it was built without a GPU.
    """

    file: str
    sha256: str
    graph: str
    package: EnginePackage
    version: str
    compute_capability: str
    driver: str = ""
    layers: tuple[tuple[str, str, str], ...] = ()
    """Of each kernel in the builder's own table: the ONNX nodes that it computes, its kind, its precision."""

    def __post_init__(self) -> None:
        if self.file in ("", ".", "..") or "/" in self.file:
            raise BadInput(f"{self.file!r} is no file's name", where="file")


class EngineList(Record):
    """`engines.json` of an artefact: what was asked for, and the engines that lie beside it.

    A kit has none. `notes`: what the front end said of the graph.
    """

    spec: EngineSpec
    engines: tuple[Engine, ...] = ()
    notes: tuple[str, ...] = ()


def _padded(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*numbers, *(0,) * length)[:length]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"[0-9]+", version.partition("+")[0]))
