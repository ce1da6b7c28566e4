"""The board's CUDA and TensorRT have the names, arguments and numbers of the real ones: see `board/`."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BOARD = Path(__file__).parent / "board"

_LIST = """
import enum, inspect, json, tensorrt
from cuda.bindings import runtime

def members(kind):
    if issubclass(kind, enum.Enum):
        return {name: int(value) for name, value in kind.__members__.items()}
    own = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
    return {
        name: list(inspect.signature(value).parameters)[1:] if inspect.isfunction(value) else None
        for name, value in own.items()
    }

def listed(module):
    named = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    classes = {name: members(value) for name, value in named.items() if inspect.isclass(value)}
    functions = {
        name: list(inspect.signature(value).parameters)
        for name, value in named.items() if inspect.isfunction(value)
    }
    return classes, functions

print(json.dumps({"tensorrt": listed(tensorrt), "cuda": listed(runtime)}))
"""
OWN = {"header", "tell"}
"""What the board has beside what it stands for."""
NUMBERED_BY_VERSION = {"BuilderFlag", "NetworkDefinitionCreationFlag"}
"""edgemed uses their names alone."""


@pytest.fixture(scope="module")
def board() -> dict[str, list[dict]]:
    """{module: [{class: {member: arguments, or an enumeration's number}}, {function: arguments}]}."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(BOARD / part) for part in ("gpu", "sdk"))}
    done = subprocess.run([sys.executable, "-c", _LIST], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_cuda_functions_take_the_same_arguments(board):
    runtime = pytest.importorskip("cuda.bindings.runtime")
    classes, functions = board["cuda"]
    assert len(functions) >= 8
    for name, arguments in functions.items():
        assert list(inspect.signature(getattr(runtime, name)).parameters) == arguments, name
    for name, members in classes.items():
        real = getattr(runtime, name)
        for member, number in members.items():
            assert int(getattr(real, member)) == number, (name, member)


def test_tensorrt_classes_take_the_same_arguments(board):
    trt = pytest.importorskip("tensorrt_rtx")
    classes, functions = board["tensorrt"]
    assert functions.keys() - OWN == {"nptype"}
    assert len(classes) >= 15
    seen = 0
    for name, members in classes.items():
        real = getattr(trt, name)
        for member, told in members.items():
            if isinstance(told, int):
                assert name in NUMBERED_BY_VERSION or int(getattr(real, member)) == told, (name, member)
                assert hasattr(real, member), (name, member)
            elif told is None:
                assert hasattr(real, member), (name, member)
            else:
                assert any(
                    told == names[: len(told)] and len(told) >= needed
                    for names, needed in _signatures(getattr(real, member))
                ), (name, member)
                seen += 1
    assert seen >= 25


def _signatures(function) -> list[tuple[list[str], int]]:
    """Of each overload, from what pybind writes into the docstring: its arguments, how many must be given."""
    line = rf"^(?:\d+\. )?{function.__name__}\(self: [^,)]+(?:, (.*))?\) -> "
    found = re.findall(line, function.__doc__, re.MULTILINE)
    return [
        (re.findall(r"(?:^|, )(\w+): ", each), len(re.findall(r"(?:^|, )\w+: [^=,]+(?=,|$)", each)))
        for each in found
    ]


def test_no_call_is_left_out_of_the_comparison():
    """Every name that edgemed uses of either module is one that the board has: it ran on nothing else."""
    folder = Path(__file__).parents[2] / "edgemed/backends/tensorrt"
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    used = set(re.findall(r"\b(?:trt|_?cuda|cudart)\.(?!bindings)(\w+)", source))
    mirror = [ast.parse(path.read_text()) for path in BOARD.rglob("*.py")]
    assert used - {name for each in mirror for name in _named(each)} == {"ComputeCapability"}
    assert {"cudaMemcpyAsync", "Builder", "Runtime", "OnnxParser", "cudaFree"} <= used


def _named(module: ast.Module) -> Iterator[str]:
    """The names that a module defines or assigns: a word of its texts is no function."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
