"""Nothing is downloaded at run time and nothing phones home."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

GUARD = '''"""In every Python process that starts here: notes each wish to reach a network and refuses it."""

import os
import socket

LOG = os.environ["EDGEMED_TEST_NETWORK_LOG"]


def note(text):
    with open(LOG, "a") as log:
        log.write(f"{os.getpid()} {text}\\n")


def refusing(name):
    original = getattr(socket.socket, name)

    def call(self, *arguments):
        if self.family != socket.AF_UNIX:
            note(f"{name} {arguments!r}")
            raise OSError("no network here")
        return original(self, *arguments)

    return call


def refuse_lookup(*arguments, **options):
    note(f"lookup {arguments!r}")
    raise OSError("no network here")


for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refusing(name))
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
    setattr(socket, name, refuse_lookup)
note("starts")
'''

COMPILE = ("--calibrate", "set.npz", "--precision", "int8", "--precision", "fp32")
MODELS = {"onnx": ("-m", "model.onnx"), "torch": ("-m", "net.py:build", "-w", "net.safetensors")}


@pytest.fixture
def guarded(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """The environment that puts the guard into every Python process, and its log. The home is empty."""
    log = tmp_path / "network.log"
    (tmp_path / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    return {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "EDGEMED_TEST_NETWORK_LOG": str(log)}, log


def test_the_guard_notes_what_tries(guarded) -> None:
    env, log = guarded
    code = "import urllib.request; urllib.request.urlopen('http://192.0.2.1/')"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert [line.split(" ", 1)[1].split(" ")[0] for line in log.read_text().splitlines()] == [
        "starts",
        "lookup",
    ]


@pytest.mark.parametrize("model", MODELS)
def test_a_compile_reaches_for_no_network(model, tiny, edgemed, guarded, tmp_path) -> None:
    env, log = guarded
    done = edgemed("compile", *MODELS[model], *COMPILE, "-o", str(tmp_path / "out"), folder=tiny, env=env)
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    assert [line for line in lines if not line.endswith(" starts")] == []
    assert len({line.split()[0] for line in lines}) > 3, "the child processes were not guarded"


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
