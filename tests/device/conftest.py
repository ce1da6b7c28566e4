"""The output folder of a compile as a device has it, and `edgemed-device` run on it as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ended import Ended


@dataclass(frozen=True)
class Device:
    """`out` holds artefacts/; commands run beside it."""

    out: Path

    def place(self, source: Path, name: str) -> Path:
        return shutil.copytree(source, self.out / "artefacts" / name)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "edgemed.device", *arguments]

    def env(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, **(more or {})}

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> Ended:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.out.parent, env=self.env(env), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Ended(done.returncode, done.stdout, done.stderr)

    def tune(self, *arguments: str, env: dict[str, str] | None = None) -> Ended:
        """The quickest tune of `out`."""
        return self.run("tune", "out", "--launches", "2", "--seconds", "0.05", *arguments, env=env)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """Nothing under artefacts/ yet."""
    (tmp_path / "out/artefacts").mkdir(parents=True)
    return Device(tmp_path / "out")


@pytest.fixture
def both(device: Device, artefact) -> Device:
    """The same net for ONNX Runtime and for OpenVINO."""
    for backend in ("onnxruntime", "openvino"):
        device.place(artefact("cnn1d", backend)[1], f"{backend}-fp32")
    return device
