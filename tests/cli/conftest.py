"""A folder with a tiny signal classifier and its three sets; the command line run on it as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ended import Ended

CHANNELS, LENGTH = 2, 64
PROVABLE = 400
"""Cases, half of them positive, on which an artefact that never decides otherwise is proven not worse."""
_BALANCE = 3.4
"""Brings the scores of positives and negatives to either side of the threshold."""


@dataclass(frozen=True)
class Site:
    """A working folder. Commands run in it, in a process of their own."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def run(self, *args: str, env: dict[str, str] | None = None) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "edgemed", *args],
            cwd=self.folder, env=command_env(env), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def fp32(self, *args: str, env: dict[str, str] | None = None) -> Ended:
        """A compile of the quickest kind: one candidate."""
        return self.run("compile", *args, "--target", "onnxruntime", "--precision", "fp32", env=env)

    def report(self, out: str = "out") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / out / "report.json").read_text())
        return found


SETS = ("--calibrate", "cal.npz", "--select", "sel.npz", "--accept", "acc.npz")
MODEL = ("-m", "model.onnx")


def command_env(more: dict[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", **(more or {})}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """`model.onnx` (2 x 64 signal, two logits) with the sets `cal.npz`, `sel.npz`, `acc.npz`."""
    write_model(tmp_path / "model.onnx")
    write_sets(tmp_path)
    return Site(tmp_path)


def signals(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a slow wave in the first channel of the positives."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, CHANNELS, LENGTH)).astype(np.float32)
    y = np.arange(n) % 2
    wave = np.sin(np.arange(LENGTH) / 5).astype(np.float32)
    x[:, 0] += y[:, None] * wave * rng.uniform(0.5, 2.0, (n, 1)).astype(np.float32)
    return x, y.astype(np.int64)


def write_sets(folder: Path) -> None:
    """`cal.npz`, `sel.npz`, `acc.npz`."""
    for seed, (name, n) in enumerate((("cal", 40), ("sel", 40), ("acc", PROVABLE))):
        write_set(folder / f"{name}.npz", n=n, seed=seed)


def write_set(path: Path, *, n: int = 40, seed: int = 0, labels: bool = True, **more: np.ndarray) -> None:
    x, y = signals(n, seed)
    arrays = {"x": x, **({"y": y} if labels else {}), **more}
    np.savez(path, **arrays)


def write_model(
    path: Path,
    *,
    columns: int = 2,
    heads: int = 1,
    ending: str = "",
    spoil: Callable[[dict[str, np.ndarray]], None] = lambda weights: None,
) -> None:
    """A 1D convolution, pooled, with `heads` linear heads; `ending` is an operator behind each."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(7)
    wave = np.sin(np.arange(9) / 5 * 2).astype(np.float32)
    weights = {"kernel": (rng.standard_normal((8, CHANNELS, 9)) * 0.2).astype(np.float32)}
    weights["kernel"][0, 0] = wave
    weights["kernel"][1, 0] = -wave
    nodes = [
        helper.make_node("Conv", ["signal", "kernel"], ["c"], "conv", pads=[4, 4]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], "pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flatten"),
    ]
    outputs = []
    for head in range(heads):
        name = "scores" if heads == 1 else f"head{head}"
        matrix = (rng.standard_normal((8, columns)) * 0.3).astype(np.float32)
        matrix[:2, -1] += 2
        weights[f"w{head}"] = matrix
        weights[f"b{head}"] = np.zeros(columns, np.float32)
        weights[f"b{head}"][-1] = -_BALANCE if columns <= 2 else 0
        nodes.append(
            helper.make_node(
                "Gemm", ["f", f"w{head}", f"b{head}"], [f"{name}_z" if ending else name], f"fc{head}"
            )
        )
        if ending:
            nodes.append(helper.make_node(ending, [f"{name}_z"], [name], f"end{head}"))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", columns]))
    spoil(weights)
    signal = helper.make_tensor_value_info("signal", TensorProto.FLOAT, ["n", CHANNELS, LENGTH])
    graph = helper.make_graph(
        nodes, "net", [signal], outputs, [numpy_helper.from_array(w, name) for name, w in weights.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


@pytest.fixture(scope="session")
def helpers():
    """This module's functions, for tests that need more than the site's own files."""
    return sys.modules[__name__]
