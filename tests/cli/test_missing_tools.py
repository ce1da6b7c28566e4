"""Without a package that a command needs: the command that installs it, at once, and no traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = "import sys; sys.path.append(sys.argv.pop(1)); from edgemed.__main__ import main; main()"


@pytest.fixture
def without(tmp_path):
    """Runs a command by an interpreter whose packages are ours but for one."""
    import click

    packages = Path(click.__file__).parents[1]

    def run(missing: str, *args: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / f"without-{missing}"
        if not folder.exists():
            folder.mkdir()
            for entry in packages.iterdir():
                if entry.name != missing and not entry.name.endswith(".pth"):
                    (folder / entry.name).symlink_to(entry)
        return subprocess.run(
            [sys.executable, "-S", "-c", RUN, str(folder), *args],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("package", ["click", "rich"])
def test_no_command_without(without, package):
    done = without(package, "doctor")
    assert done.returncode == 4, done.stderr
    assert f"edgemed's commands need {package}, not installed here" in done.stderr
    assert "pip install 'edgemed[compile]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "name"), [("jinja2", "jinja2"), ("scipy", "scipy"), ("sklearn", "scikit-learn")]
)
def test_a_compile_is_refused_before_its_first_step(without, helpers, tmp_path, package, name):
    helpers.write_model(tmp_path / "model.onnx")
    for more in (
        ("compile", *helpers.MODEL, "-o", "out"),
        ("demo", "-o", "out"),
        ("bench", "--suite", "-o", "out"),
    ):
        done = without(package, *more)
        assert done.returncode == 4, done.stderr
        assert f"a compile needs {name}: not installed" in done.stderr
        assert "pip install 'edgemed[compile]'" in done.stderr
        assert not (tmp_path / "out").exists()


def test_doctor_lists_all_that_a_compile_needs(helpers, tmp_path):
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    needed = {re.split("[>=]", each)[0] for name in ("compile", "images", "demo") for each in extras[name]}
    needed = {name for name in needed if not name.startswith("edgemed")}
    tools = {tool["name"] for tool in helpers.Site(tmp_path).run("doctor", "--json").json["tools"]}
    assert needed - {"click"} <= tools
