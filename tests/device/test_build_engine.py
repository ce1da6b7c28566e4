"""`edgemed-device build-engine` on a board that is missing here: `board/` holds its CUDA and its TensorRT.

Everything else is real: the command in processes of its own, the artefact, its golden cases, the disk.
"""

from __future__ import annotations

import enum
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import graphs
import numpy as np
import pytest
from artefacts import make_artefact, sign

from edgemed.backends.tensorrt.engines import read_engines
from edgemed.backends.tensorrt.gpu import _BINDINGS, call, fitting
from edgemed.backends.tensorrt.package import installed_version
from edgemed.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_TOOL_FAILURE, EXIT_UNTRUSTED, Unavailable
from edgemed.types import EngineSpec, digest_of_file

RTX = EngineSpec("tensorrt-rtx", ("8.6",), ">=1.7,<2")


def test_a_kit_holds_what_a_board_needs_and_says_what_was_not_executed(kit):
    names = {path.name for path in kit.iterdir()}
    assert names == {"model.onnx", "engines.json", "golden.npz", "manifest.json"}
    listed = json.loads((kit / "engines.json").read_text())
    assert listed["spec"]["compute_capabilities"] == ["8.7"]
    assert listed["spec"]["timing_cache"] is True
    assert listed["engines"] == []
    assert "not by the board's TensorRT" in listed["notes"][0]
    assert json.loads((kit / "manifest.json").read_text())["stand_in"].startswith("onnxruntime")


@pytest.mark.slow
def test_the_board_builds_once_and_answers_as_was_judged(board):
    done = board.build("--json")
    assert done.code == 0, done.err
    assert done.json["found"] is False
    assert done.json["difference"] < 1e-6
    assert done.json["equivalent"] is True
    assert done.json["engine"] == str(board.engines[0])
    assert board.calls == ["build timed tactics", "deserialise"]
    with np.load(board.kit / "golden.npz") as golden:
        expected = golden["out.score"][:2]
        assert done.json["cases"] == len(golden["out.score"])
    assert np.allclose(json.loads(board.answers().stdout), expected, atol=1e-6)
    again = board.build()
    assert again.code == 0, again.err
    assert "found" in again.out
    assert "equivalent on" in again.out
    assert "proven" not in again.out
    assert board.built == 1
    assert board.left_over() == []
    assert all(path.stat().st_mode & 0o022 == 0 for path in board.cache.rglob("*"))
    told = re.search(r"try it +edgemed-device (.*)", again.out)
    assert told
    tuned = board.device.run(*told[1].split(), "--launches", "1", "--seconds", "0.05", env=board.env())
    assert tuned.code == 0, tuned.err


@pytest.mark.slow
@pytest.mark.parametrize("changed", [{"cuda": "12.8"}, {"tensorrt": "10.7.0"}])
def test_another_driver_or_tensorrt_builds_anew_and_keeps_the_old_engine(board, changed):
    assert board.build().code == 0
    assert "no engine for compute capability 8.7" in board.answers(**changed).stdout
    assert board.build(**changed).code == 0
    assert board.calls.count("build timed tactics") == 2
    assert len(board.engines) == 2
    assert board.build().code == 0
    assert board.built == 2


@pytest.mark.slow
def test_another_graph_builds_anew_with_the_tactics_that_are_known(board):
    assert board.build().code == 0
    with (board.kit / "model.onnx").open("ab") as file:
        file.write(b"\x72\x00")  # an empty field of a later ONNX
    sign(board.kit)
    assert board.build().code == 0
    assert [line for line in board.calls if line.startswith("build")] == [
        "build timed tactics", "build known tactics",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_kit_with_other_build_settings_shares_no_engine(board, signed):
    """Here one that times its own tactics, although the board knows some."""
    net, source = signed
    spec = read_engines(board.kit).spec
    assert board.build().code == 0
    shutil.rmtree(board.kit)
    make_artefact(net, "tensorrt", "int8", source, board.kit, replace(spec, timing_cache=False))
    assert "no engine for compute capability 8.7" in board.answers().stdout
    done = board.build()
    assert done.code == 0, done.err
    assert [line for line in board.calls if line.startswith("build")] == ["build timed tactics"] * 2
    assert len(board.engines) == 2


@pytest.mark.parametrize("changed", [{"cuda": "12.8"}, {"tensorrt": "10.7.0"}, {"gpu": "8.9"}, {"gpu": ""}])
def test_a_compile_on_a_board_builds_again_where_its_gpu_driver_or_tensorrt_is_another(board, changed):
    """What a compile's stages depend on, beside the graph and the target."""
    code = (
        "from pathlib import Path\nfrom edgemed.stages.job import Job\n"
        "from edgemed.types import ModelSpec, Recipe\n"
        "job = Job(Recipe(ModelSpec('net.onnx')), Path(), Path('out'))\n"
        "print(job.versions('tensorrt')['tensorrt'])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=board.home, env={**os.environ, **board.env(**more)},
            capture_output=True, text=True, check=True,
        ).stdout
        for more in ({}, changed)
    ]  # fmt: skip
    assert told[0].startswith("tensorrt 10.3.0, ")
    assert ", GPU 8.7, driver 12.6" in told[0]
    assert told[0] != told[1]


@pytest.mark.slow
def test_a_timing_cache_that_tensorrt_does_not_take_is_replaced(board):
    assert board.build().code == 0
    (kept,) = board.cache.glob("timing-*")
    kept.write_bytes(b"torn")
    shutil.rmtree(board.engines[0])
    assert board.build().code == 0
    assert board.calls.count("build timed tactics") == 2
    assert kept.read_bytes().startswith(b"tactics for")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("hang", "building the engine: no sign of life for 3 s"),
        ("crash", "building the engine: crashed (SIGABRT)"),
        ("refuse", "No implementation computes the node"),
        ("crash-load", "replaying the golden cases: crashed (SIGABRT)"),
        ("refuse-load", "tensorrt refuses the engine: The engine plan file is not compatible"),
        ("fail", "did not execute the engine: Cuda failure"),
        ("no-memory", "the GPU has no memory left (cudaErrorMemoryAllocation)"),
    ],
)
def test_a_build_that_hangs_crashes_or_fails_leaves_nothing(board, mode, told):
    done = board.build("--timeout-min", "0.05", mode=mode)
    assert done.code == EXIT_TOOL_FAILURE
    assert told in done.err
    assert board.engines == []
    assert board.left_over() == []
    assert board.build().code == 0


@pytest.mark.slow
def test_an_engine_that_answers_differently_is_refused_and_removed(board):
    done = board.build("--json", mode="clip")
    assert done.code == EXIT_UNTRUSTED
    assert re.search(r"golden cases differ by 0\.\d+, allowed 0\.02", done.json["error"]["problem"])
    assert "the engine is refused" in done.json["error"]["next"]
    assert board.engines == []
    assert (board.kit / "model.onnx").exists()


@pytest.mark.slow
def test_an_engine_that_is_found_is_replayed_and_kept_where_only_the_gpu_fails(board):
    assert board.build().code == 0
    assert board.build(mode="no-memory").code == EXIT_TOOL_FAILURE
    assert len(board.engines) == 1
    assert board.build(mode="clip").code == EXIT_UNTRUSTED
    assert board.engines == []


@pytest.mark.slow
def test_what_the_parser_warns_of_is_told_and_kept(board):
    done = board.build("--json", mode="warn")
    assert done.code == 0, done.err
    assert done.json["notes"] == ["Make sure input signal has Int64 binding."]
    assert "note       Make sure input signal has Int64 binding." in board.build().out


def test_an_unsupported_node_is_named_before_anything_is_built(board):
    from onnx import load, save

    model = load(board.kit / "model.onnx")
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    conv.op_type = "QLinearConv"
    save(model, board.kit / "model.onnx")
    sign(board.kit)
    done = board.build()
    assert done.code == EXIT_TOOL_FAILURE
    assert f"{conv.name} (QLinearConv)" in done.err
    assert board.calls == []


@pytest.mark.parametrize(
    ("parts", "more", "told", "remedy"),
    [
        (("gpu", "sdk"), {"tensorrt": "8.6.2"}, "tensorrt 8.6.2 is here; the artefact is for >=10.3,<11", ""),
        (("gpu", "sdk"), {"tensorrt": "11.4.1"}, "tensorrt 11.4.1 is here", "compile for a target"),
        (("gpu", "sdk"), {"gpu": "8.9"}, "compute capability 8.9; the artefact is for 8.7", ""),
        (
            ("gpu", "sdk"), {"gpu": ""},
            "no NVIDIA GPU here: the driver finds none (cudaErrorNoDevice)", "a machine with an NVIDIA GPU",
        ),
        (
            ("gpu", "sdk"), {"cuda": "11.4"},
            "too old for the CUDA of cuda-bindings (cudaErrorInsufficientDriver)", "install NVIDIA's driver",
        ),
        (("gpu",), {}, "No module named 'tensorrt'", "comes with JetPack"),
        (("sdk",), {}, "no NVIDIA GPU here", ""),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_building(board, parts, more, told, remedy):
    done = board.build(env=board.env(parts, **more))
    assert done.code == EXIT_TOOL_FAILURE
    assert told in done.err
    assert remedy in done.err
    assert board.calls == []
    assert not board.cache.exists()


def test_jetpack_is_spoken_of_where_the_board_may_be_one():
    assert "cuda-bindings==12.*" in fitting(_BINDINGS, "aarch64")
    assert fitting(_BINDINGS, "x86_64") == "pip install 'cuda-bindings>=13'"
    assert fitting("", "x86_64") == ""


def test_tensorrt_11_knows_strongly_typed_networks_alone(board, signed):
    net, source = signed
    thor = EngineSpec("tensorrt", ("11.0",), ">=10.13,<12", 19)
    shutil.rmtree(board.kit)
    make_artefact(net, "tensorrt", "int8", source, board.kit, thor)
    done = board.build(gpu="11.0", tensorrt="11.4.1", cuda="13.2")
    assert done.code == 0, done.err
    assert board.built == 1


def test_an_engine_built_ahead_is_compared_before_it_is_deserialised(board, signed):
    net, source = signed
    shutil.rmtree(board.kit)
    make_artefact(net, "tensorrt", "int8", source, board.kit, RTX)
    assert (board.kit / "sm86.engine").stat().st_size > 1000
    everything = ("gpu", "sdk", "rtx")
    for changed in ({"gpu": "8.9"}, {"gpu": "7.5"}):
        told = subprocess.run(
            [sys.executable, "-c", "from edgemed.runtime import Session; Session.load('kit')"],
            cwd=board.home, env={**os.environ, **board.env(everything, **changed)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "sm86.engine is for compute capability 8.6" in told.stderr
    assert board.calls == []
    done = board.build(env=board.env(everything, gpu="8.6"))
    assert done.code == EXIT_TOOL_FAILURE
    assert "sm86.engine was built for this GPU" in done.err
    assert "refuses the engine" in done.err  # a real one, which this board cannot know
    assert board.calls == ["deserialise"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"graph": "0" * 64}, "sm86.engine is not the engine of this graph"),
        ({"sha256": "0" * 64}, "sm86.engine is not the engine of this graph"),
        ({"file": "none.engine"}, "none.engine cannot be read: No such file or directory"),
    ],
)
def test_an_engine_of_another_graph_is_not_deserialised(board, changes, told):
    """Files are as the manifest says; what the list says of them is wrong."""
    listed = json.loads((board.kit / "engines.json").read_text())
    listed["spec"] = RTX.to_dict()
    (board.kit / "sm86.engine").write_bytes(b"an engine")
    own = {
        "file": "sm86.engine",
        "sha256": digest_of_file(board.kit / "sm86.engine"),
        "graph": digest_of_file(board.kit / "model.onnx"),
        "package": "tensorrt-rtx",
        "version": installed_version("tensorrt-rtx"),
        "compute_capability": "8.6",
    }
    env = board.env(("gpu", "sdk", "rtx"), gpu="8.6")
    for each, answer in (
        (own, "ToolFailure tensorrt-rtx refuses the engine"),
        (own | changes, f"Untrusted {told}"),
    ):
        (board.kit / "engines.json").write_text(json.dumps(listed | {"engines": [each]}))
        sign(board.kit)
        assert board.answers(env=env).stdout.startswith(answer)
    assert board.calls == ["deserialise"]


@pytest.mark.slow
def test_a_compile_on_the_board_itself_ships_the_engine(board, signed):
    """Here `tensorrt` and its GPU are at hand: nothing stands in, and the artefact needs no build-engine."""
    source = signed[1]
    code = (
        "import sys; sys.path[:0] = sys.argv[1:2]\n"
        "from pathlib import Path\nimport graphs\nfrom artefacts import make_artefact\n"
        "from edgemed.types import EngineSpec\n"
        "spec = EngineSpec('tensorrt', ('8.7',), '>=10.3,<11', 19)\n"
        "net = graphs.cnn1d(Path('.'))\n"
        "make_artefact(net, 'tensorrt', 'int8', Path(sys.argv[2]), Path('kit'), spec)"
    )
    shutil.rmtree(board.kit)
    conformance = Path(graphs.__file__).parent
    subprocess.run(
        [sys.executable, "-c", code, str(conformance), str(source)],
        cwd=board.home, env={**os.environ, **board.env()}, check=True,
    )  # fmt: skip
    listed = json.loads((board.kit / "engines.json").read_text())
    assert [each["compute_capability"] for each in listed["engines"]] == ["8.7"]
    assert listed["engines"][0]["driver"].startswith("12.6")
    assert listed["notes"] == []
    assert json.loads((board.kit / "manifest.json").read_text())["stand_in"] == ""
    assert board.answers().stdout.startswith("[[0.")
    done = board.build()
    assert done.code == 0, done.err
    assert "was built for this GPU" in done.err
    assert board.built == 1
    assert "sm87.engine is for driver 12.6" in board.answers(cuda="12.8").stdout
    assert board.build(cuda="12.8").code == 0
    assert board.built == 2


def test_an_interrupted_build_leaves_nothing(board, start):
    process = start(board.command(), cwd=board.home, env={**os.environ, **board.env(mode="hang")})
    _wait(lambda: board.built)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED
    assert "Traceback" not in told
    assert board.engines == []
    assert board.left_over() == []


@pytest.mark.slow
def test_a_killed_build_is_cleared_away_by_the_next(board, start):
    process = start(board.command(), cwd=board.home, env={**os.environ, **board.env(mode="hang")})
    _wait(lambda: board.built)
    process.kill()
    process.wait()
    assert len(board.left_over()) == 1
    assert board.build().code == 0
    assert board.left_over() == []


@pytest.mark.slow
def test_the_second_of_two_builds_waits_and_finds_the_engine(board, start):
    both = [start(board.command(), cwd=board.home, env={**os.environ, **board.env()}) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sorted("found" in out for out, _ in told) == [False, True]
    assert board.built == 1


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_that_is_none_is_refused(board, minutes):
    done = board.build("--timeout-min", minutes)
    assert done.code == EXIT_BAD_INPUT
    assert "--timeout-min" in done.err


def test_other_artefacts_and_broken_ones_are_refused(board, artefact):
    shutil.copytree(artefact("cnn1d")[1], board.home / "other")
    done = board.device.run("build-engine", "other", env=board.env())
    assert done.code == EXIT_BAD_INPUT
    assert "edgemed-device tune" in done.err
    assert board.device.run("build-engine", "nowhere", env=board.env()).code == EXIT_BAD_INPUT
    (board.kit / "model.onnx").write_bytes(b"another")
    assert board.build().code == EXIT_UNTRUSTED
    assert board.calls == []


def test_a_machine_with_a_gpu_is_not_told_to_get_one():
    for name, remedy in (("cudaErrorMemoryAllocation", "end what else runs on it"), ("cudaErrorUnknown", "")):
        status = enum.IntEnum("cudaError_t", {name: 1})[name]
        with pytest.raises(Unavailable, match=name) as caught:
            call(lambda status=status: (status,))
        assert caught.value.remedy == remedy


def _wait(ready, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.05)
