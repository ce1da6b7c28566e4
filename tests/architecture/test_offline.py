"""Nothing is downloaded at run time and nothing phones home."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMPILE = ("--calibrate", "set.npz", "--precision", "int8", "--precision", "fp32")
MODELS = {"onnx": ("-m", "model.onnx"), "torch": ("-m", "net.py:build", "-w", "net.safetensors")}
REACHES = re.compile(r"^\d+ +(connect|send\w+)\(.*sa_family=AF_INET6?,")


@pytest.fixture
def watched(tmp_path: Path) -> tuple[tuple[str, ...], Path]:
    """A command's prefix that logs what it and all its children send, whatever they are written in."""
    log = tmp_path / "sent.log"
    prefix = ("strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log), "-e")
    prefix += ("trace=execve,connect,sendto,sendmsg,sendmmsg",)
    if (
        not shutil.which("strace")
        or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("nothing can be watched here; apt-get install strace, where ptrace is allowed")
    return prefix, log


def reaching(log: Path) -> list[str]:
    return [line for line in log.read_text(encoding="utf-8").splitlines() if REACHES.match(line)]


def test_what_reaches_for_a_network_is_seen(watched) -> None:
    prefix, log = watched
    lookup = "import contextlib, socket\nwith contextlib.suppress(OSError): socket.create_connection({}, 1)"
    for address in (("127.0.0.1", 9), ("::1", 9), ("edgemed.invalid", 80)):
        subprocess.run([*prefix, sys.executable, "-c", lookup.format(address)], check=True)
        assert reaching(log), address
    subprocess.run([*prefix, sys.executable, "-c", "import socket; socket.socketpair()"], check=True)
    assert not reaching(log)


@pytest.mark.parametrize("model", MODELS)
def test_a_compile_reaches_for_no_network(model, tiny, edgemed, watched, tmp_path) -> None:
    prefix, log = watched
    home = tmp_path / "home"
    home.mkdir()
    done = edgemed(
        "compile", *MODELS[model], *COMPILE, "-o", str(tmp_path / "out"),
        folder=tiny, prefix=prefix, env={"HOME": str(home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert reaching(log) == []
    assert log.read_text(encoding="utf-8").count(" execve(") > 3, "the child processes were not watched"
    assert list(home.rglob("*")) == [], "such as onnxruntime's device id"


def test_a_compile_needs_no_network(tiny, edgemed, tmp_path) -> None:
    prefix = ("unshare", "-rn")
    if (
        not shutil.which("unshare")
        or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no empty network namespace to be had here: unshare -rn does not work")
    env = {"HOME": str(tmp_path)}
    done = edgemed(
        "compile", *MODELS["onnx"], *COMPILE, "-o", str(tmp_path / "out"), folder=tiny, prefix=prefix, env=env
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").is_file()
