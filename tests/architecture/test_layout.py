"""Where files may lie, and how long they may be."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile",
    "edgemed", "targets", "calibration", "firmware_bridge", "tests",
}  # fmt: skip
LONGEST = 500


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file that git holds or would take, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    found = [Path(name) for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    assert Path("pyproject.toml") in found
    return found


def test_nothing_else_lies_at_the_root(files: list[Path]) -> None:
    top = {path.parts[0] for path in files}
    assert {name for name in top if not name.startswith(".")} - ALLOWED == set()


def test_data_folders_hold_no_python(files: list[Path]) -> None:
    assert [str(p) for p in files if p.parts[0] in ("targets", "calibration") and p.suffix == ".py"] == []


def test_python_lies_in_the_package_or_the_tests(files: list[Path]) -> None:
    assert {p.parts[0] for p in files if p.suffix == ".py"} == {"edgemed", "tests"}


def test_no_file_is_long(files: list[Path]) -> None:
    code = [p for p in files if p.parts[0] in ("edgemed", "tests") and p.suffix in (".py", ".jinja", ".css")]
    lengths = {str(p): len((ROOT / p).read_text(encoding="utf-8").splitlines()) for p in code}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_no_file_is_a_drawer(files: list[Path]) -> None:
    drawers = {"utils", "util", "helpers", "misc", "common"}
    assert [str(p) for p in files if p.suffix == ".py" and p.stem in drawers] == []


def test_no_file_holds_a_machine_path(files: list[Path]) -> None:
    """Paths of the machine that a file was written on mean nothing elsewhere."""
    words = ("/wo" + "rk/", "/ro" + "ot/", "/home" + "/")
    texts = [
        p for p in files if p.suffix in (".py", ".md", ".toml", ".yml", ".jinja") or p.name == "Makefile"
    ]
    found = [
        f"{p}:{number}"
        for p in texts
        for number, line in enumerate((ROOT / p).read_text(encoding="utf-8").splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert found == []
