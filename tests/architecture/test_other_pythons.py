"""Pythons that are not at hand: what ships to devices is typed for them, and pip finds all that it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgemed.stages.device_python import PYTHONS, DevicePython
from edgemed.stages.own_wheel import write_own_wheel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [f"edgemed/{name}" for name in ("backends", "bundle", "device", "readers", "runtime", "types")]


@pytest.mark.parametrize("version", [each for each in PYTHONS if each != "3.11"])
def test_what_ships_is_typed_for_it(version: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", f"--python-version={version}", f"--cache-dir={tmp_path}"]
    done = subprocess.run([*command, *SHIPPED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    files = sum(1 for each in SHIPPED for _ in (ROOT / each).rglob("*.py"))
    assert f"no issues found in {files} source files" in done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_wheel(tmp_path_factory.mktemp("own"))


@pytest.mark.parametrize(
    ("version", "arch"), [("3.10", "aarch64"), ("3.12", "aarch64"), ("3.12", "x86_64"), ("3.13", "aarch64")]
)
def test_pip_finds_all_that_it_needs(wheel: Path, version: str, arch: str, tmp_path: Path) -> None:
    """Both runtimes and all readers, without building anything."""
    report = tmp_path / "report.json"
    device = [f"--python-version={version}", "--implementation=cp"]
    device += [f"--platform={each}" for each in DevicePython(version, arch).platforms]
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed",
            "--only-binary=:all:", f"--report={report}", f"--target={tmp_path / 'site'}", *device,
            f"edgemed[onnxruntime,openvino,images,raw] @ {wheel.as_uri()}",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {
        each["metadata"]["name"].lower(): each["metadata"]["version"]
        for each in json.loads(report.read_text())["install"]
    }
    assert {"edgemed", "numpy", "pynacl", "onnxruntime", "openvino", "pillow", "h5py"} <= set(found)
    assert (found["onnxruntime"] == "1.23.2") is (version == "3.10")
