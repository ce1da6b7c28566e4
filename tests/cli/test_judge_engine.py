"""`edgemed judge --engine`: the engine itself is judged, and where no GPU is here it says so.

A Jetson is missing here: `tests/device/board` holds its CUDA and its TensorRT.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgemed.backends import get_backend
from edgemed.types import EngineSpec

BOARD = Path(__file__).parents[1] / "device/board"
ORIN = EngineSpec("tensorrt", ("8.7",), ">=10.3,<11", 19)
KIT = "out/artefacts/tensorrt-fp32"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(get_backend("tensorrt").cannot_run(ORIN) == "", reason="this is the hardware"),
]


@pytest.fixture
def kit(site):
    """A compile for a Jetson, judged by a stand-in."""
    sets = ("--calibrate", "cal.npz", "--select", "sel.npz", "--accept", "acc.npz")
    done = site.run(
        "compile", "-m", "model.onnx", *sets, "-o", "out",
        "--target", "jetson-orin-nano-jp6", "--precision", "fp32",
    )  # fmt: skip
    assert done.code == 0, done.err
    return site


@pytest.fixture
def board(kit):
    """The environment of a board on which the kit's engine was built."""
    return _board(kit, "10.3.0")


def _board(kit, version):
    env = {
        "BOARD_TENSORRT": version,
        "PYTHONPATH": os.pathsep.join(str(BOARD / part) for part in ("gpu", "sdk")),
        "EDGEMED_ENGINE_CACHE": str(kit / "cache"),
        "BOARD_CALLS": str(kit / "calls"),
    }
    subprocess.run(
        [sys.executable, "-m", "edgemed.device", "build-engine", KIT],
        cwd=kit.folder, env={**os.environ, **env}, check=True, capture_output=True,
    )  # fmt: skip
    return env


def _openings(site):
    return json.loads((site / "out/acceptance-ledger.json").read_text())["openings"]


def test_without_a_gpu_it_says_so_and_opens_nothing(kit):
    done = kit.run("judge", KIT, "--engine")
    done.refused(4, "no NVIDIA GPU here", "without --engine its stand-in is judged")
    assert len(_openings(kit)) == 1


def test_the_engine_itself_answers_and_without_the_option_its_stand_in(kit, board):
    (kit / "calls").unlink()
    done = kit.run("judge", KIT, "--json", env=board)
    assert done.json["executed_by"] == "onnxruntime, every node by itself"
    assert not (kit / "calls").exists()
    done = kit.run("judge", KIT, "--engine", "--json", env=board)
    assert done.code == 0, done.err
    assert (done.json["outcome"], done.json["executed_by"]) == ("proven", "tensorrt")
    assert "deserialise" in (kit / "calls").read_text()
    assert _openings(kit)[-1]["outcomes"] == {"tensorrt-fp32": "proven"}


def test_an_engine_is_another_artefact_than_its_stand_in_and_than_one_of_another_tensorrt(kit, board):
    def judge(env, *more):
        done = kit.run("judge", KIT, *more, "--json", env=env)
        assert done.code == 0, done.err
        assert done.json["artefact"] == _openings(kit)[done.json["opening"] - 1]["judged"]["tensorrt-fp32"]
        return done.json["opening"], done.json["artefact"]

    stand_in = judge(board)
    first, second = (judge(env, "--engine") for env in (board, _board(kit, "10.4.0")))
    assert [opening for opening, _ in (stand_in, first, second)] == [1, 2, 3]
    assert len({artefact for _, artefact in (stand_in, first, second)}) == 3
    assert judge(board, "--engine") == first
