"""A tiny model with data, and the command line run as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.types import InputSpec, OutputSpec

NET = '''"""The same net as model.onnx, with weights of its own."""

from torch import nn


def build() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(2, 8, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 2)
    )
'''

STOP_TELEMETRY = ("CI", "NNCF_CI", "ORT_DISABLE_TELEMETRY")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model.onnx`, `net.py`, `net.safetensors` and `set.npz`: a 2 x 32 signal, two logits."""
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny")
    g = graphs.Writer(0)
    x = g.pooled(g.relu(g.conv("signal", 2, 8, 5, 1)))
    g.gemm(x, 8, 2, name="head", out="scores")
    signal = InputSpec("signal", "float32", (2, 32))
    g.write(folder, "model", (signal,), (OutputSpec("scores", "binary", 2),))
    rng = np.random.default_rng(0)
    np.savez(folder / "set.npz", x=rng.standard_normal((24, 2, 32)).astype(np.float32))
    (folder / "net.py").write_text(NET, encoding="utf-8")
    torch.manual_seed(0)
    names = ("0.weight", "0.bias", "4.weight", "4.bias")
    shapes = ((8, 2, 5), (8,), (2, 8), (2,))
    state = {name: torch.randn(shape) for name, shape in zip(names, shapes, strict=True)}
    save_file(state, folder / "net.safetensors")
    return folder


@pytest.fixture(scope="session")
def edgemed() -> Run:
    """Runs `edgemed ARGUMENTS` in `folder`, behind `prefix`, with nothing set that stops telemetry."""

    def run(
        *arguments: str, folder: Path, prefix: Sequence[str] = (), env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if name not in STOP_TELEMETRY}
        return subprocess.run(
            [*prefix, sys.executable, "-m", "edgemed", *arguments],
            cwd=folder, env={**inherited, **(env or {})},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def python_3_10() -> str:
    """A Python 3.10 that starts: what a JetPack 6 device has."""
    places = [shutil.which("python3.10"), *map(str, Path.home().glob(".pyenv/versions/3.10*/bin/python3.10"))]
    for place in filter(None, places):
        code = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 10))"
        if subprocess.run([place, "-c", code], capture_output=True, check=False).returncode == 0:
            return place
    pytest.skip("there is no Python 3.10 here")
