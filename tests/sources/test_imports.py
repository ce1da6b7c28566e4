"""What a factory's file imports of the user's own is part of its digest, without being run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgemed.sources.digest import source_digest
from edgemed.sources.imports import code_files, package_versions
from edgemed.types import ModelSpec

FILES = {
    "model/net.py": "import json, torch, numpy\nimport blocks.heads\nfrom tools import scale\n",
    "lib/blocks/__init__.py": "",
    "lib/blocks/heads.py": "from . import base\nfrom ..outside import nothing\n",
    "lib/blocks/base.py": "def f():\n    from .deep.far import x\n",
    "lib/blocks/deep/far.py": "import tools\n",
    "lib/blocks/unused.py": "",
    "lib/tools.py": "import blocks.heads\nraise SystemExit('was run')\n",
    "lib/other.py": "",
}
USED = {"net.py", "__init__.py", "heads.py", "base.py", "far.py", "tools.py"}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "model/net.pt").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    return tmp_path


def test_own_files_are_found_through_cycles_and_nothing_installed(tree):
    files = code_files(tree / "model/net.py")
    assert files[0] == tree / "model/net.py"
    assert len(files) == len(set(files))
    assert {file.name for file in files} == USED
    assert all(file.is_relative_to(tree.resolve()) for file in files[1:])


@pytest.mark.parametrize("name", FILES)
def test_digest_changes_with_what_is_imported_alone(tree, name):
    spec = ModelSpec("net.py:build", "net.pt")
    before = source_digest(spec, tree / "model")
    assert source_digest(spec, tree / "model") == before
    (tree / name).write_text(FILES[name] + "\n# changed\n")
    after = source_digest(spec, tree / "model")
    assert (after != before) == (name not in ("lib/blocks/unused.py", "lib/other.py"))


def test_versions_of_installed_packages_count(tree, monkeypatch):
    from importlib import metadata

    found = package_versions(tree / "model/net.py")
    assert set(found) == {"torch", "numpy"}
    assert found["numpy"] == metadata.version("numpy")
    (tree / "model/pictures.py").write_text("import PIL.Image, sys, tools, nowhere\n")
    assert set(package_versions(tree / "model/pictures.py")) == {"pillow"}
    spec = ModelSpec("net.py:build", "net.pt")
    before = source_digest(spec, tree / "model")
    newer = tree / "newer/numpy-99.0.dist-info"
    newer.mkdir(parents=True)
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 99.0\n")
    (newer / "top_level.txt").write_text("numpy\n")
    monkeypatch.syspath_prepend(str(newer.parent))
    assert package_versions(tree / "model/net.py")["numpy"] == "99.0"
    assert source_digest(spec, tree / "model") != before


def test_a_file_that_does_not_parse_is_still_digested(tree):
    (tree / "lib/tools.py").write_text("def broken(:\n")
    assert "tools.py" in {file.name for file in code_files(tree / "model/net.py")}


def test_torch_is_not_imported(tree):
    code = (
        "import sys; from pathlib import Path; from edgemed.sources.digest import source_digest; "
        "from edgemed.types import ModelSpec; "
        f"sys.path.insert(0, {str(tree / 'lib')!r}); "
        f"source_digest(ModelSpec('net.py:build', 'net.pt'), Path({str(tree / 'model')!r})); "
        "print('torch' in sys.modules, 'tools' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
