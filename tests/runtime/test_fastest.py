"""The fastest artefact on this machine: what a `tuned.json` says, and when it does not hold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from artefacts import change_manifest, write_tuned

from edgemed.errors import BadInput
from edgemed.runtime import TUNED_FILE, fastest_here, host_facts

NAMES = ("artefacts/onnxruntime-fp32", "artefacts/onnxruntime-int8")
FAST = NAMES[-1]


@pytest.fixture
def out(artefact, tmp_path: Path) -> Path:
    """An output folder with two artefacts, of which the second was the faster."""
    for name in NAMES:
        shutil.copytree(artefact("cnn1d")[1], tmp_path / "out" / name)
    write_tuned(tmp_path / "out", NAMES)
    return tmp_path / "out"


def test_it_is_the_one_that_was_measured(out: Path):
    assert fastest_here(out) == out / FAST
    (out / TUNED_FILE).unlink()
    assert fastest_here(out) is None


def test_a_newer_python_is_no_other_machine(out: Path):
    write_tuned(out, NAMES, host={**host_facts(), "python": "3.99"})
    assert fastest_here(out) == out / FAST


def _other_files(out: Path) -> None:
    change_manifest(out / FAST, version="2.0.0")


def _another_gpu(out: Path) -> None:
    """Its GPU and driver stand in the version of TensorRT."""
    artefacts = json.loads((out / TUNED_FILE).read_text())["artefacts"]
    artefacts[FAST]["backend"] = "tensorrt"
    tools = {"tensorrt": "tensorrt 10.3.0, GPU 2.0, driver 9.0"}
    write_tuned(out, NAMES, artefacts=artefacts, tools=tools)


def _folder(out: Path) -> None:
    (out / TUNED_FILE).unlink()
    (out / TUNED_FILE).mkdir()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            lambda out: write_tuned(out, NAMES, host={**host_facts(), "cpu": "Cortex-A76"}),
            r"another machine \(cpu: Cortex",
        ),
        (
            lambda out: write_tuned(out, NAMES, host={**host_facts(), "board": "Raspberry Pi 5"}),
            r"another machine \(board: Raspberry Pi 5, here ",
        ),
        (lambda out: write_tuned(out, NAMES, host={}), r"another machine \(arch: unknown, here "),
        (_another_gpu, f"{FAST} was measured with tensorrt tensorrt 10.3.0, GPU 2.0, driver 9.0, here "),
        (
            lambda out: write_tuned(out, NAMES, tools={"onnxruntime": "1.2"}),
            f"{FAST} was measured with onnxruntime 1.2, here ",
        ),
        (lambda out: write_tuned(out, NAMES, tools={}), f"{FAST} was measured with onnxruntime unknown"),
        (lambda out: write_tuned(out, NAMES, best=None), "no artefact kept to the limits"),
        (_other_files, f"{FAST} is not what was measured"),
        (lambda out: shutil.rmtree(out / FAST), f"{FAST} is not what was measured"),
        (lambda out: (out / TUNED_FILE).write_text(json.dumps({"best": FAST})), "no tune of this edgemed"),
        (_folder, "no tune of this edgemed"),
    ],
)
def test_what_does_not_hold_is_refused(out: Path, spoil: Callable[[Path], object], problem: str):
    spoil(out)
    with pytest.raises(BadInput, match=problem) as caught:
        fastest_here(out)
    assert f"edgemed-device tune {out}" in caught.value.remedy
    assert str(out / TUNED_FILE) in caught.value.where
