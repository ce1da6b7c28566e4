"""The output folder of a compile as a device has it, and `edgemed-device` run on it as a user would.

The board of a Jetson is missing here: `board/` holds its CUDA and its TensorRT.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import graphs
import pytest
from artefacts import make_artefact
from ended import Ended

from edgemed.compress import find_scales, write_signed_activations
from edgemed.types import EngineSpec, QuantiseSpec

BOARD = Path(__file__).parent / "board"
ORIN = EngineSpec("tensorrt", ("8.7",), ">=10.3,<11", 19)


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


@dataclass(frozen=True)
class Board:
    """A Jetson with the artefact in the folder `kit` and the cache in `cache`; commands run beside them."""

    device: Device
    home: Path

    @property
    def kit(self) -> Path:
        return self.home / "kit"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def engines(self) -> list[Path]:
        return sorted(each for each in self.cache.glob("*") if each.is_dir())

    @property
    def calls(self) -> list[str]:
        """What was built and deserialised so far."""
        told = self.home / "calls"
        return told.read_text().splitlines() if told.exists() else []

    @property
    def built(self) -> int:
        return sum(line.startswith("build") for line in self.calls)

    def env(self, parts: tuple[str, ...] = ("gpu", "sdk"), **more: str) -> dict[str, str]:
        return {
            "PYTHONPATH": os.pathsep.join(str(BOARD / part) for part in parts),
            "EDGEMED_ENGINE_CACHE": str(self.cache),
            "BOARD_CALLS": str(self.home / "calls"),
            **{f"BOARD_{name.upper()}": value for name, value in more.items()},
        }

    def build(self, *arguments: str, env: dict[str, str] | None = None, **more: str):
        return self.device.run("build-engine", "kit", *arguments, env=env or self.env(**more))

    def command(self) -> list[str]:
        return self.device.command("build-engine", "kit")

    def answers(self, *, env: dict[str, str] | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """`Session.load` on the board and the largest score of the first golden case."""
        code = (
            "from edgemed.runtime import Session, golden_inputs\nfrom pathlib import Path\n"
            "from edgemed.errors import EdgemedError\n"
            "try: print(Session.load('kit').run(golden_inputs(Path('kit'), 2))['score'].tolist())\n"
            "except EdgemedError as error: print(type(error).__name__, error)"
        )
        return subprocess.run(
            [sys.executable, "-c", code], cwd=self.home, env={**os.environ, **(env or self.env(**more))},
            capture_output=True, text=True, check=True,
        )  # fmt: skip

    def left_over(self) -> list[str]:
        return sorted(each.name for each in self.cache.glob(".*"))


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory):
    """cnn1d in signed int8."""
    folder = tmp_path_factory.mktemp("signed")
    net = graphs.cnn1d(folder)
    find_scales(net.path, net.samples(24), QuantiseSpec(samples=24), seed=0, saturates=False, out=folder)
    write_signed_activations(net.path, folder, folder / "signed.onnx")
    return net, folder / "signed.onnx"


@pytest.fixture(scope="session")
def kit(signed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a compile makes for the Jetson on a host without its GPU."""
    net, source = signed
    return make_artefact(net, "tensorrt", "int8", source, tmp_path_factory.mktemp("kit") / "kit", ORIN)


@pytest.fixture
def board(device, kit: Path) -> Board:
    home = device.out.parent
    shutil.copytree(kit, home / "kit")
    return Board(device, home)
