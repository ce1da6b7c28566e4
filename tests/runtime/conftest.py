"""A copy of an artefact to break."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copied(artefact, tmp_path: Path):
    """`copied(graph)`: (net, folder) that a test may change."""

    def make(graph: str = "fusion", backend: str = "onnxruntime"):
        net, folder = artefact(graph, backend)
        return net, shutil.copytree(folder, tmp_path / "copied")

    return make
