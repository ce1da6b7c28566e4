"""Artefacts of small graphs in fp32 on onnxruntime."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def _shared(name: str):
    if name not in sys.modules:
        path = Path(__file__).resolve().parent.parent / "conformance" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


graphs, artefacts = _shared("graphs"), _shared("artefacts")


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory):
    """`artefact(graph, backend)`: (net, folder) in fp32; read only."""
    made = {}

    def make(graph: str, backend: str = "onnxruntime"):
        if (graph, backend) not in made:
            folder = tmp_path_factory.mktemp("artefact")
            net = graphs.GRAPHS[graph](folder)
            made[graph, backend] = (
                net, artefacts.make_artefact(net, backend, "fp32", net.path, folder / "artefact"),
            )  # fmt: skip
        return made[graph, backend]

    return make
