"""A bundle with a TensorRT kit on a board: unpacked, its engine built, tuned and run.

A Jetson is missing here: `tests/device/board` holds its CUDA and its TensorRT.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ended import Ended

from edgemed.backends import get_backend
from edgemed.types import EngineSpec

BOARD = Path(__file__).parents[1] / "device/board"
ORIN = EngineSpec("tensorrt", ("8.7",), ">=10.3,<11", 19)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(get_backend("tensorrt").cannot_run(ORIN) == "", reason="this is the hardware"),
]


@pytest.fixture(scope="module")
def packed(tmp_path_factory, helpers):
    """`model.edgemed`, of a compile for a Jetson, signed by `lab`."""
    site = helpers.Site(tmp_path_factory.mktemp("board"))
    helpers.write_model(site / "model.onnx")
    helpers.write_sets(site.folder)
    np.savez(site / "case.npz", signal=helpers.signals(1, 0)[0])
    target = ("--target", "jetson-orin-nano-jp6", "--precision", "fp32")
    for command in (
        ("compile", *helpers.MODEL, *helpers.SETS, *target, "-o", "out"),
        ("keygen", "-o", "lab"),
        ("pack", "out", "--key", "lab.key.pem", "-o", "model.edgemed"),
    ):
        done = site.run(*command)
        assert done.code == 0, done.err
    return site


@pytest.fixture
def board(packed, tmp_path, helpers):
    """`edgemed-device` on a board that trusts the lab."""
    env = {
        "BOARD_TENSORRT": "10.3.0",
        "PYTHONPATH": os.pathsep.join(str(BOARD / part) for part in ("gpu", "sdk")),
        "EDGEMED_ENGINE_CACHE": str(tmp_path / "engines"),
        "BOARD_CALLS": str(tmp_path / "calls"),
        "EDGEMED_TRUST": str(tmp_path / "trust.json"),
        "EDGEMED_BUNDLE_CACHE": str(tmp_path / "cache"),
    }

    def run(*args: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "edgemed.device", *args],
            cwd=packed.folder, env=helpers.command_env(env), capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    assert run("trust", "add", "lab", "lab.pub.pem").code == 0
    return run


def test_a_kit_of_a_bundle_is_built_and_run_on_the_board(board):
    done = board("doctor", "model.edgemed", "--json")
    found = json.loads(done.out)["artefacts"]
    assert "no engine for compute capability 8.7" in found.pop("tensorrt-fp32")
    assert found == {"onnxruntime-fp32": "", "openvino-fp32": ""}
    done = board("run", "model.edgemed", "case.npz", "--json")
    assert json.loads(done.out)["artefact"] == "onnxruntime-fp32", done.err
    done = board("build-engine", "model.edgemed")
    assert done.code == 0, done.err
    assert "equivalent on" in done.out
    assert "edgemed-device tune model.edgemed\n" in done.out
    found = json.loads(board("doctor", "model.edgemed", "--json").out)["artefacts"]
    assert found == {"onnxruntime-fp32": "", "openvino-fp32": "", "tensorrt-fp32": ""}
    done = board("tune", "model.edgemed", "--launches", "1", "--seconds", "0.05")
    assert done.code == 0, done.err
    assert board("run", "model.edgemed", "case.npz").code == 0


def test_a_bundle_without_a_kit_has_no_engine_to_build(board, packed, helpers):
    plain = ("--target", "onnxruntime", "--precision", "fp32")
    assert packed.run("compile", *helpers.MODEL, *helpers.SETS, *plain, "-o", "plain").code == 0
    assert packed.run("pack", "plain", "--key", "lab.key.pem", "-o", "plain.edgemed").code == 0
    board("build-engine", "plain.edgemed").refused(2, "no artefact for tensorrt is in it")
