"""A runtime that crashes or hangs drops its candidate; a full disk stops all; both leave what was made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CRASH = """
import os, signal, sys
if any("spawn_main" in word for word in sys.orig_argv):
    import openvino

    def save_model(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGSEGV)

    openvino.save_model = save_model
"""


@pytest.fixture
def crashing(tmp_path: Path) -> dict[str, str]:
    """An environment in which OpenVINO dies of a segmentation fault where it writes a model."""
    folder = tmp_path / "crashing"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CRASH)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).resolve().parents[2])])}


def test_a_crashing_runtime_drops_its_candidate(site, helpers, crashing):
    flags = (*helpers.MODEL, "--select", "sel.npz", "-o", "out", "--precision", "fp32")
    done = site.run("compile", *flags, env=crashing)
    assert done.code == 0, done.err
    assert "openvino-fp32 is dropped: building openvino-fp32: crashed (SIGSEGV)" in " ".join(done.err.split())
    report = site.report()
    statuses = {each["id"]: (each["status"], each["reason"]) for each in report["candidates"]}
    assert statuses["openvino-fp32"] == ("failed", "building openvino-fp32: crashed (SIGSEGV)")
    assert statuses["onnxruntime-fp32"][0] == "kept"
    assert report["best"] == "onnxruntime-fp32"

    healthy = site.run("compile", *flags)
    assert healthy.code == 0
    again = site.report()
    assert {each["status"] for each in again["candidates"]} == {"kept"}
    cached = {stage["name"] for stage in again["stages"] if stage["cached"]}
    assert {"graph", "golden", "build-onnxruntime-fp32", "select-onnxruntime-fp32"} <= cached


def test_no_candidate_at_all_is_exit_code_3(site, helpers, crashing):
    done = site.run(
        "compile", *helpers.MODEL, "-o", "out", "--target", "openvino", "--precision", "fp32", env=crashing
    )
    assert done.code == 3, done.err
    assert "no artefact is kept" in done.err
    assert (site / "out/report.html").exists()
    assert list((site / "out/artefacts").iterdir()) == []


def test_a_full_disk(site, helpers):
    small = site / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount")
    ballast = small / "ballast"
    try:
        ballast.write_bytes(bytes((8192 - 20) * 1024))
        done = site.fp32(*helpers.MODEL, "--calibrate", "cal.npz", "-o", "small/out")
        done.refused(4, "the disk is full", "small/out", "finished stages are reused")
        assert not list((small / "out/.cache").glob(".*"))
        ballast.unlink()
        assert site.fp32(*helpers.MODEL, "--calibrate", "cal.npz", "-o", "small/out").code == 0
        assert {s["name"] for s in site.report("small/out")["stages"] if s["cached"]} >= {"graph"}
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_hanging_child_is_ended():
    code = (
        "import time\nfrom edgemed.child import run_in_child\nfrom edgemed.errors import ChildCrashed\n"
        "if __name__ == '__main__':\n"
        "    try:\n        run_in_child(time.sleep, 600, what='building x', timeout_s=2)\n"
        "    except ChildCrashed as error:\n        print(error.problem)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "building x: no sign of life for 2 s", done.stderr
