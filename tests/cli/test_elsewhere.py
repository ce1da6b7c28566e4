"""Compiles for devices that are not the machine at hand: judged here, timed here for information only."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import EXIT_BAD_INPUT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="says what is elsewhere, seen from x86-64"),
]

RECIPE = """
[model]
source = "model.onnx"
[data]
calibrate = "cal.npz"
select = "sel.npz"
accept = "acc.npz"
[trials]
launches = 2
seconds = 0.05
"""
COMPILE = ("compile", "recipe.toml")
NARROW = 'description = "a narrow one"\nbackends = ["onnxruntime"]\nprecisions = ["fp32"]\n'
BOARD = Path(__file__).parents[1] / "device" / "board"
"""CUDA and TensorRT of a Jetson that is missing here."""
LIMITS = "[limits]\nmemory_mib = 1.0\n"


@pytest.fixture(autouse=True)
def recipe(site):
    (site / "recipe.toml").write_text(RECIPE)


def test_all_that_agree_are_kept_unmeasured_for_another_processor(site):
    done = site.run(*COMPILE, "--target", "raspberry-pi-5", "-o", "out")
    assert done.code == 0, done.err
    report = site.report()
    agreeing = {each["id"] for each in report["candidates"] if each["reason"].startswith("agrees: ")}
    assert agreeing >= {"onnxruntime-fp32", "onnxruntime-int8", "openvino-fp32"}
    assert {path.name for path in (site / "out" / "artefacts").iterdir()} == agreeing
    assert report["best"] is None
    for each in report["candidates"]:
        assert each["unmeasured"] == "it is aarch64, this machine x86_64"
        assert None not in (each["latency"], each["ratio"], each["load_ms"], each["memory_mib"])
    assert "edgemed-device tune out" in done.out
    assert "times are this machine's, not raspberry-pi-5's: for information" in " ".join(done.out.split())
    assert any("for information: this machine's times do not decide" in line for line in report["plan"])
    assert not any("the fastest that agrees" in line for line in report["plan"])
    shown = " ".join(site.run("inspect", "out/artefacts/onnxruntime-int8").out.split())
    assert "not measured on its target; that machine said: it is aarch64, this machine x86_64" in shown
    folders = ("out/artefacts/onnxruntime-fp32", "out/artefacts/onnxruntime-int8")
    timed = site.run("bench", *folders, "--launches", "1", "--seconds", "0.05", "--json")
    assert [row["artefact"] for row in timed.json] == list(folders)
    remark = "the machine that compiled did not measure raspberry-pi-5 and said: it is aarch64, this machine"
    assert timed.err.count(remark) == timed.err.count("times are ") == 1

    site.run("run", "out", "acc.npz").refused(
        EXIT_BAD_INPUT, "none was measured on raspberry-pi-5", "edgemed-device tune out"
    )
    tune = [sys.executable, "-m", "edgemed.device", "tune", "out", "--launches", "1", "--seconds", "0.05"]
    subprocess.run(tune, cwd=site.folder, check=True)
    np.savez(site / "one.npz", x=np.load(site / "acc.npz")["x"][0])
    answer = site.run("run", "out", "one.npz", "--json")
    assert answer.code == 0, answer.err
    tuned = json.loads((site / "out" / "tuned.json").read_text())
    assert answer.json["artefact"] == tuned["best"].removeprefix("artefacts/")


def test_limits_of_a_target_are_held_where_they_can_be_measured(site):
    (site / "narrow.toml").write_text(NARROW + LIMITS)
    done = site.run(*COMPILE, "--target", "narrow.toml", "-o", "out")
    assert done.code == 3, done.err
    (candidate,) = site.report()["candidates"]
    assert candidate["reason"].startswith("misses the target's limits (memory: ")
    assert "at most 1)" in candidate["reason"]

    (site / "afar.toml").write_text(f'{NARROW}arch = "aarch64"\n{LIMITS}')
    done = site.run(*COMPILE, "--target", "afar.toml", "-o", "out")
    assert done.code == 0, done.err
    (candidate,) = site.report()["candidates"]
    assert candidate["status"] == "kept"
    assert candidate["memory_mib"] > 1


def test_targets_of_the_users_own_are_found_by_name(site):
    (site / "boards").mkdir()
    (site / "boards" / "my-board.toml").write_text(
        'description = "mine"\nbackends = ["onnxruntime"]\nprecisions = ["fp32"]\n'
    )
    plan = site.run(*COMPILE, "--target", "my-board", "--targets-path", "boards", "--dry-run", "--json")
    assert plan.json["target"] == "my-board"
    lost = site.run(*COMPILE, "--target", "my-boart", "--targets-path", "boards", "--dry-run")
    lost.refused(EXIT_BAD_INPUT, "there is no target 'my-boart'", "my-board")


@pytest.mark.skipif(find_spec("tensorrt_rtx") is None, reason="pip install 'edgemed[tensorrt-rtx]'")
def test_engines_are_built_judged_by_their_stand_in_and_said_so(site):
    done = site.run(*COMPILE, "--target", "nvidia-rtx", "-o", "out")
    assert done.code == 0, done.err
    report = site.report()
    found = {each["id"]: each for each in report["candidates"]}
    for name in ("tensorrt-fp32", "tensorrt-fp16", "tensorrt-int8"):
        assert found[name]["status"] == "kept", found[name]["reason"]
        assert found[name]["stand_in"] == "onnxruntime, every node by itself"
        assert found[name]["latency"] is None
        files = {path.name for path in (site / "out" / "artefacts" / name).iterdir()}
        assert files >= {"sm86.engine", "sm89.engine", "model.onnx", "engines.json", "golden.npz"}
    layers = found["tensorrt-int8"]["layers"]
    (convolution,) = [each for each in layers if "conv" in each["name"].split(" + ")]
    assert convolution["precision"] == "int8"
    assert report["best"] is None
    assert all("NVIDIA GPU" in each["unmeasured"] for each in found.values())
    assert {name for name, each in found.items() if each["latency"] is None} == {
        name for name, each in found.items() if each["stand_in"]
    }
    page = (site / "out" / "report.html").read_text()
    assert "(this machine&#39;s, not nvidia-rtx&#39;s)" in page.partition('class="trade-svg"')[2]
    assert "not executed" in done.out
    shown = site.run("inspect", "out/artefacts/tensorrt-int8")
    assert "not executed" in shown.out
    timed = site.run("bench", "out", "--launches", "1", "--seconds", "0.05", "--json")
    assert {row["artefact"] for row in timed.json} == {"original"} | {
        name for name, each in found.items() if each["status"] == "kept" and not each["stand_in"]
    }
    remark = "times are those of the machine at hand; the machine that compiled did not measure nvidia-rtx"
    assert timed.err.count(remark) == 1
    assert timed.err.count("tensorrt-int8 is left out: no NVIDIA GPU here") == 1


def test_a_kit_for_a_board_holds_the_graph_and_what_to_build_it_for(site):
    done = site.run(*COMPILE, "--target", "jetson-orin-nano-jp6", "--precision", "int8", "-o", "out")
    assert done.code == 0, done.err
    (note,) = [each for each in site.report()["warnings"] if "parse" in each]
    if find_spec("tensorrt_rtx") is None:
        assert note.startswith("tensorrt-fp32, tensorrt-int8: no front end has parsed the graph")
    else:
        assert note.startswith("tensorrt-fp32, tensorrt-int8: parsed by tensorrt-rtx ")
    assert note in " ".join(done.err.split())
    kit = site / "out" / "artefacts" / "tensorrt-int8"
    assert {path.name for path in kit.iterdir()} >= {
        "model.onnx",
        "engines.json",
        "golden.npz",
        "manifest.json",
    }
    assert not list(kit.glob("*.engine"))
    assert '"8.7"' in (kit / "engines.json").read_text()
    assert {"tensorrt-fp32", "onnxruntime-int8"} <= {path.name for path in kit.parent.iterdir()}

    board = {
        "PYTHONPATH": os.pathsep.join(str(BOARD / part) for part in ("gpu", "sdk")),
        "EDGEMED_ENGINE_CACHE": str(site / "cache"),
    }
    build = [sys.executable, "-m", "edgemed.device", "build-engine", str(kit)]
    subprocess.run(build, env={**os.environ, **board}, check=True)
    there = site.run("bench", "out", "--launches", "1", "--seconds", "0.05", "--json", env=board)
    assert "tensorrt-int8" in {row["artefact"] for row in there.json}, there.err
    assert "tensorrt-int8 is left out" not in there.err
    assert "tensorrt-fp32 is left out: no engine for compute capability 8.7" in there.err
