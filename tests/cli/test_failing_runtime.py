"""A runtime that crashes or hangs drops its candidate; a full disk stops all; both leave what was made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CRASH = """
import os, signal, sys
if any("spawn_main" in word for word in sys.orig_argv):
    import openvino

    make_core = openvino.Core

    def crash_or_make_core():
        caller = sys._getframe()
        while (caller := caller.f_back) is not None:
            name, given = caller.f_code.co_name, caller.f_locals
            if CONDITION:
                os.kill(os.getpid(), signal.SIGSEGV)
        return make_core()

    openvino.Core = crash_or_make_core
"""
IN_TURNS = 'name == "time_in_turns" and len(given["folders"]) > 1'
ONCE = IN_TURNS + ' and not os.path.exists("crashed") and open("crashed", "x")'
RECIPE = """
precisions = ["fp32"]
[model]
source = "model.onnx"
[data]
select = "sel.npz"
[trials]
launches = 2
seconds = 0.05
"""
COMPILE = ("compile", "recipe.toml", "-o", "out")


@pytest.fixture
def crashing(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """An environment in which OpenVINO dies of a segmentation fault where a caller of it is as described."""

    def environment(condition: str) -> dict[str, str]:
        folder = tmp_path / "crashing"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(CRASH.replace("CONDITION", condition))
        return {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).resolve().parents[2])])}

    return environment


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("build", "building openvino-fp32: crashed (SIGSEGV)"),
        ("load_cost", "failed when it was loaded afresh: loading openvino-fp32 afresh: crashed (SIGSEGV)"),
        ("time_in_turns", "failed when it was timed: timing openvino-fp32: crashed (SIGSEGV)"),
    ],
)
def test_a_crashing_runtime_drops_its_candidate(site, crashing, function, told):
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run(*COMPILE, env=crashing(f"name == {function!r}"))
    assert done.code == 0, done.err
    assert f"openvino-fp32 is dropped: {told}" in " ".join(done.err.split())
    report = site.report()
    statuses = {each["id"]: (each["status"], each["reason"]) for each in report["candidates"]}
    assert statuses["openvino-fp32"] == ("failed", told)
    assert statuses["onnxruntime-fp32"][0] == "kept"
    assert report["best"] == "onnxruntime-fp32"
    assert [path.name for path in (site / "out/artefacts").iterdir()] == ["onnxruntime-fp32"]

    healthy = site.run(*COMPILE)
    assert healthy.code == 0
    again = site.report()
    assert {each["status"] for each in again["candidates"]} == {"kept"}
    cached = {stage["name"] for stage in again["stages"] if stage["cached"]}
    assert {"graph", "golden", "build-onnxruntime-fp32", "select-onnxruntime-fp32"} <= cached


def test_a_launch_that_fails_though_each_works_alone_is_tried_once_more(site, crashing):
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run(*COMPILE, env=crashing(ONCE))
    assert done.code == 0, done.err
    assert (site / "crashed").exists()
    assert {each["status"] for each in site.report()["candidates"]} == {"kept"}


def test_a_launch_that_fails_again_though_each_works_alone_ends_the_compile(site, crashing):
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run(*COMPILE, env=crashing(IN_TURNS))
    done.refused(4, "timing 2 candidates in turns, launch 1: crashed (SIGSEGV)")
    assert "is dropped" not in done.err


def test_no_candidate_at_all_is_exit_code_3(site, helpers, crashing):
    done = site.run(
        "compile",
        *helpers.MODEL,
        "-o",
        "out",
        "--target",
        "openvino",
        "--precision",
        "fp32",
        env=crashing("name == 'build'"),
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
