"""Debian 13, extracted and not installed: its Python 3.13, on an emulated ARM core and on this processor."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

SUITE = "trixie"
PACKAGES = ("base-files", "libpython3.13-stdlib", "libstdc++6", "python3.13-minimal")
RUNTIMES = ("onnxruntime", "openvino")
INSTALL = "sudo apt-get install mmdebstrap qemu-user-static"
CORTEX_A76 = """processor\t: {number}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

"""
"""A Raspberry Pi 5's: onnxruntime does not import without a text of an ARM core."""


@dataclass(frozen=True)
class System:
    """`start` calls the Python of the root file system `$root` as `$0`, in sh: children of it start alike."""

    arch: str
    machine: str
    glibc: tuple[str, ...]
    start: str
    tool: str
    cpuinfo: str = ""


SYSTEMS = {
    "arm64": System(
        arch="arm64",
        machine="aarch64",
        glibc=("2_35", "2_28", "2_17"),
        # the default CPU signs pointers, which takes five times as long
        start='qemu-aarch64-static -cpu cortex-a76 -0 "$0" -L "$root" "$root/usr/bin/python3.13"',
        tool="qemu-aarch64-static",
        cpuinfo="".join(CORTEX_A76.format(number=number) for number in range(4)),
    ),
    "amd64": System(
        arch="amd64",
        machine="x86_64",
        glibc=("2_28", "2_17"),
        start='"$root/usr/lib64/ld-linux-x86-64.so.2" --argv0 "$0" '
        '--library-path "$root/usr/lib/x86_64-linux-gnu" "$root/usr/bin/python3.13"',
        tool="mmdebstrap",
    ),
}


def root_of(system: System) -> Path:
    """The root file system with `site/`, where the wheels are; made once and kept for later runs.

    In `$XDG_CACHE_HOME/edgemed-tests`, else `~/.cache/edgemed-tests`, named by what it is made of. Skips
    where a tool is missing.
    """
    if platform.machine() != "x86_64":
        pytest.skip("emulated on x86-64 only")
    for tool in ("mmdebstrap", system.tool):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here: {INSTALL}")
    wheels = [f"{name}=={version(name)}" for name in (*RUNTIMES, "numpy", "pynacl")]
    made_of = json.dumps([SUITE, PACKAGES, wheels, asdict(system)])
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgemed-tests"
    root = base / f"debian-{SUITE}-{system.arch}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    if not root.exists():
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{root.name}.", dir=base) as beside:
            made = Path(beside) / "root"
            _extract(system, made)
            _install(system, made / "site", wheels)
            try:
                made.rename(root)
            except OSError:  # another run was first
                if not root.exists():
                    raise
    return root


def _extract(system: System, root: Path) -> None:
    _call(
        "mmdebstrap", "--quiet", "--mode=chrootless", "--variant=extract", f"--arch={system.arch}",
        f"--include={','.join(PACKAGES)}", "--format=dir", SUITE, str(root), *_mirror(),
    )  # fmt: skip
    if system.cpuinfo:
        (root / "proc/cpuinfo").write_text(system.cpuinfo)
    python = root / "usr/bin/python3"
    python.write_text(f'#!/bin/sh\nroot=${{0%/usr/bin/*}}\nexec {system.start} "$@"\n')
    python.chmod(0o755)


def _mirror() -> list[str]:
    """Where this machine's apt takes Debian from; empty, for mmdebstrap's own default, where it does not."""
    of_debian = ("Created-By: Packages", "Origin: Debian", "Label: Debian", "Component: main")
    told = _call("apt-get", "indextargets", "--format", "$(REPO_URI)", *of_debian)
    return sorted(set(told.split()))[:1]


def _install(system: System, site: Path, wheels: Sequence[str]) -> None:
    platforms = [f"--platform=manylinux_{each}_{system.machine}" for each in system.glibc]
    _call(
        sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--only-binary=:all:",
        "--python-version=3.13", "--implementation=cp", *platforms, f"--target={site}", *wheels,
    )  # fmt: skip


def _call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done.stdout
