"""Packages whose names are imported at their first use: the table says what the type checker is told."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"asyncio", "importlib.metadata", "email", "logging", "difflib", "numpy.typing", "tempfile"}
"""Modules of the standard library and of numpy that cost a device milliseconds before its first answer."""


@pytest.mark.parametrize("package", ["edgemed.types", "edgemed.readers"])
def test_the_table_has_the_names_that_are_told(package: str) -> None:
    source = (ROOT / package.replace(".", "/") / "__init__.py").read_text()
    told: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            told |= {each.name: str(node.module) for each in node.names}
    assert told
    (table,) = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Dict))
    homes = {
        name: f"{package}.{module}"
        for module, names in ast.literal_eval(table).items()
        for name in names.split()
    }
    assert homes == told
    imported = importlib.import_module(package)
    for name, module in told.items():
        assert getattr(imported, name) is getattr(importlib.import_module(module), name)
    with pytest.raises(AttributeError, match="Nothing"):
        imported.Nothing  # noqa: B018


def test_a_device_imports_little() -> None:
    code = "import edgemed.runtime, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    bare = subprocess.run(
        [sys.executable, "-c", "import numpy, sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not (loaded - set(bare.stdout.split())) & HEAVY
    own = {name for name in loaded if name.startswith("edgemed.")}
    assert "edgemed.types.compilation" not in own
    assert "edgemed.types.recipe" not in own
