"""One compile on this machine, its bundles, and devices with other processors or another Python."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bright import write_bright
from debian import INSTALL, SYSTEMS, System, root_of
from ended import Ended

HASWELL = "Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-rtm,-invpcid"
"""Less what no program sees, and what qemu warns that it lacks."""
HASWELL_TELLS = "model name\t: Haswell\nflags\t\t: sse4_1 avx avx2 fma f16c\n"


@dataclass(frozen=True)
class Device:
    """A Python of some machine, with a home of its own; commands run in `home`."""

    python: tuple[str, ...]
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path) -> Ended:
        own = {
            "EDGEMED_TRUST": str(self.home / "trust.json"),
            "EDGEMED_BUNDLE_CACHE": str(self.home / "cache"),
        }
        done = subprocess.run(
            [*self.python, *map(str, arguments)],
            cwd=self.home, env={**os.environ, **self.env, **own}, capture_output=True, text=True,
            timeout=500, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def command(self, *arguments: str | Path) -> Ended:
        """`edgemed-device ARGUMENTS`."""
        return self.run("-m", "edgemed.device", *arguments)


@dataclass(frozen=True)
class Lab:
    """Where models are compiled: `out` for one target after the other, which share stages."""

    folder: Path

    def run(self, *arguments: str | Path) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "edgemed", *map(str, arguments)],
            cwd=self.folder, capture_output=True, text=True, timeout=500, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        return Ended(done.returncode, done.stdout, done.stderr)

    def compile(self, target: str) -> Path:
        """The output folder; what an earlier compile left under its artefacts/ is replaced."""
        self.run(
            "compile", "-m", "model.onnx", "--calibrate", "cal.npz", "--select", "sel.npz",
            "--accept", "acc.npz", "--precision", "fp32", "--precision", "int8", "--target", target,
            "-o", "out",
        )  # fmt: skip
        return self.folder / "out"

    def pack(self, out: Path, name: str) -> Path:
        self.run("pack", out, "--key", "lab.key.pem", "-o", f"{name}.edgemed")
        return self.folder / f"{name}.edgemed"

    def here(self, home: Path) -> Device:
        """This machine, which trusts the lab."""
        return self.trusted(Device((sys.executable,), home))

    def trusted(self, device: Device) -> Device:
        done = device.command("trust", "add", "lab", self.folder / "lab.pub.pem")
        assert done.code == 0, done.err
        return device


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """With the model and sets of `bright.py`, and the key `lab`."""
    made = Lab(tmp_path_factory.mktemp("lab"))
    write_bright(made.folder)
    made.run("keygen", "-o", "lab")
    return made


@pytest.fixture(scope="session")
def edgemed_there(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked."""
    folder = tmp_path_factory.mktemp("edgemed")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


@pytest.fixture(scope="session")
def debian(edgemed_there: Path, lab: Lab) -> Callable[[System, Path], Device]:
    """`debian(system, home)`: Python 3.13 of a Debian 13 with edgemed and its runtimes; trusts the lab."""

    def make(system: System, home: Path) -> Device:
        root = root_of(system)
        env = {"PYTHONPATH": os.pathsep.join(map(str, (edgemed_there, root / "site")))}
        return lab.trusted(Device((str(root / "usr/bin/python3"),), home, env))

    return make


@pytest.fixture(scope="module", params=list(SYSTEMS))
def device(request, debian, tmp_path_factory) -> tuple[System, Device]:
    system = SYSTEMS[request.param]
    return system, debian(system, tmp_path_factory.mktemp(system.arch))


@pytest.fixture(scope="session")
def haswell(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """This Python on an emulated processor with AVX2 and without VNNI, which trusts the lab."""
    if platform.machine() != "x86_64":
        pytest.skip("emulated on x86-64 only")
    if shutil.which("qemu-x86_64-static") is None:
        pytest.skip(f"no qemu-x86_64-static here: {INSTALL}")
    home = tmp_path_factory.mktemp("haswell")
    (home / "proc").mkdir()
    (home / "proc/cpuinfo").write_text(HASWELL_TELLS)
    return lab.trusted(Device(("qemu-x86_64-static", "-cpu", HASWELL, "-L", str(home), sys.executable), home))
