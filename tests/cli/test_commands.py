"""Every other command on what a compile wrote: help, JSON, run, inspect, bench, doctor, dry run."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from edgemed import errors
from edgemed.cli import cli

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compiled(tmp_path_factory, helpers):
    folder = tmp_path_factory.mktemp("compiled")
    helpers.write_model(folder / "model.onnx")
    helpers.write_sets(folder)
    site = helpers.Site(folder)
    done = site.fp32(*helpers.MODEL, *helpers.SETS, "-o", "out")
    assert done.code == 0, done.err
    return site


@pytest.mark.parametrize("command", cli.commands)
def test_help_shows_an_example(helpers, tmp_path, command):
    done = helpers.Site(tmp_path).run(command, "--help")
    assert done.code == 0
    assert f"edgemed {command}" in done.out.partition("Example")[2]


def test_compile_prints_only_json(compiled, helpers):
    done = compiled.fp32(*helpers.MODEL, *helpers.SETS, "-o", "out", "--json")
    assert done.code == 0
    assert done.json["best"] == "onnxruntime-fp32"
    assert done.json == compiled.report()


def test_an_error_with_json_is_json(site):
    done = site.run("compile", "-m", "none.onnx", "--json")
    assert done.code == 2
    assert done.json["error"]["problem"] == "there is no file none.onnx"
    assert done.json["exit_code"] == 2
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "arguments", [("run", "--json"), ("doctor", "--json", "--strange"), ("bench", "--json", "--seconds", "0")]
)
def test_wrong_usage_with_json_is_json(helpers, tmp_path, arguments):
    done = helpers.Site(tmp_path).run(*arguments)
    assert done.code == done.json["exit_code"] == 2
    assert set(done.json["error"]) == {"problem", "where", "next"}
    assert done.json["error"]["problem"] in " ".join(done.err.split())


def test_dry_run_writes_nothing(site, helpers):
    before = {path.name: path.stat().st_mtime_ns for path in site.folder.iterdir()}
    text = site.run("compile", *helpers.MODEL, *helpers.SETS, "-o", "out", "--dry-run")
    plan = site.run("compile", *helpers.MODEL, *helpers.SETS, "-o", "out", "--dry-run", "--json")
    assert text.code == plan.code == 0
    assert text.out.startswith("1. ")
    assert " export model.onnx and compare" in text.out
    assert "onnxruntime-int8" in plan.json["candidates"]
    only = site.run("compile", *helpers.MODEL, *helpers.SETS, "--precision", "int8", "--dry-run", "--json")
    assert {"onnxruntime-fp32", "onnxruntime-int8"} <= set(only.json["candidates"])
    assert "onnxruntime-fp16" not in only.json["candidates"]
    assert {path.name: path.stat().st_mtime_ns for path in site.folder.iterdir()} == before


@pytest.mark.parametrize("more", [("--dry-run",), ("-o", "out")], ids=["dry run", "compile"])
@pytest.mark.parametrize("role", ["cal", "sel", "acc"])
def test_a_set_that_does_not_fit_is_refused_before_anything_is_made(site, role, more, helpers):
    np.savez(site / f"{role}.npz", x=np.zeros((8, 2, 65), np.float32), y=np.arange(8) % 2)
    done = site.run("compile", *helpers.MODEL, *helpers.SETS, *more)
    done.refused(2, "[2, 65]", "[2, 64]", f"{role}.npz")
    assert not list(site.folder.glob("out/.cache/graph*"))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_run_a_signal(compiled, helpers, suffix):
    x, _ = helpers.signals(2, 5)
    file = compiled / f"one.{suffix}"
    np.save(file, x[1]) if suffix == "npy" else np.savez(file, x=x[1])
    text = compiled.run("run", "out", file.name)
    assert text.code == 0, text.err
    assert text.out.startswith("scores: positive (probability of positive 0.")
    answer = compiled.run("run", "out/artefacts/onnxruntime-fp32", file.name, "--json").json
    assert answer["artefact"] == "onnxruntime-fp32"
    assert answer["outputs"]["scores"]["decision"] == "positive"
    assert sum(answer["outputs"]["scores"]["probabilities"]) == pytest.approx(1)


def test_run_refuses(compiled, helpers):
    np.save(compiled / "short.npy", np.zeros((2, 50), np.float32))
    compiled.run("run", "out", "short.npy").refused(2, "[2, 50]", "short.npy")
    compiled.run("run", "out", "none.npy").refused(2, "no such file", "none.npy")
    compiled.run("run", "nothing", "short.npy").refused(2, "nothing", "edgemed compile")
    compiled.run("run", "out", "model.onnx").refused(2, "model.onnx", ".mat, .npz")


@pytest.mark.parametrize("file", ["model.onnx", "golden.npz", "manifest.json"])
def test_a_tampered_artefact_is_not_run(compiled, helpers, tmp_path, file):
    shutil.copytree(compiled / "out/artefacts/onnxruntime-fp32", tmp_path / "copy")
    content = bytearray((tmp_path / "copy" / file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "copy" / file).write_bytes(content)
    np.save(tmp_path / "one.npy", helpers.signals(1, 5)[0][0])
    site = helpers.Site(tmp_path)
    if file != "manifest.json":
        site.run("run", "copy", "one.npy").refused(5, f"{file} is not the file that was judged")
        site.run("inspect", "copy").refused(5, file)
        return
    body = (tmp_path / "copy/manifest.json").read_text()[:-20]
    (tmp_path / "copy/manifest.json").write_text(body)
    site.run("run", "copy", "one.npy").refused(5, "manifest.json is broken")


def test_inspect(compiled):
    model = compiled.run("inspect", "model.onnx", "--json").json
    assert model["kind"] == "onnx"
    assert model["inputs"] == [{"name": "signal", "shape": [2, 64]}]
    assert "float32 (N, 2, 64)" in compiled.run("inspect", "model.onnx").out
    manifest = compiled.run("inspect", "out", "--json").json
    assert manifest["backend"] == "onnxruntime"
    assert "every file is as the manifest says" in compiled.run("inspect", "out").out
    for missing in ("none.onnx", "none.py:build", "none.h5", "none"):
        compiled.run("inspect", missing).refused(2, "no such file or folder", missing)
    (compiled / "some.toml").touch()
    compiled.run("inspect", "some.toml").refused(2, "neither a trained", "compile some.toml --dry-run")
    compiled.run("inspect", "acc.npz").refused(2, "acc.npz", "dwell_time_s")


def test_doctor(compiled):
    tools = {tool["name"]: tool for tool in compiled.run("doctor", "--json").json["tools"]}
    assert tools["runtime onnxruntime"]["version"]
    assert tools["nncf"]["for"] == "int8"
    assert "runtime openvino" in compiled.run("doctor").out


def test_bench(compiled):
    done = compiled.run("bench", "out", "--launches", "2", "--seconds", "0.1", "--json")
    assert done.code == 0, done.err
    assert [row["artefact"] for row in done.json] == ["original", "onnxruntime-fp32"]
    first, second = done.json
    assert first["ratio"] == first["low"] == first["high"] == 1
    assert second["low"] <= second["ratio"] <= second["high"]
    folders = ("out/original", "out/artefacts/onnxruntime-fp32")
    for paths, names in ((("out",), ("original", "onnxruntime-fp32")), (folders, folders)):
        text = compiled.run("bench", *paths, "--launches", "1", "--seconds", "0.1")
        lines = [line.strip() for line in text.out.splitlines()]
        assert max(map(len, lines)) <= 80
        assert lines[1].split() == ["artefact", "ratio", "interval", "ms", "ms", "ms", "ms", "MiB"]
        for name in names:
            assert name in "".join(line.split()[0] for line in lines[2:])
        assert [line.count(" to ") for line in lines].count(1) == len(names)
    compiled.run("bench", "nothing").refused(2, "nothing")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("out", "--suite"), ("PATHS", "--suite builds what it times")),
        (("out", "--only", "cnn1d"), ("--only goes with --suite only",)),
        (("out", "--samples", "8"), ("--samples goes with --suite only",)),
        (("out", "-o", "work"), ("--out goes with --suite only",)),
    ],
    ids=lambda each: each[-1] if each[0] == "out" else "",
)
def test_bench_refuses_options_that_it_would_pass_over(helpers, tmp_path, options, words):
    helpers.Site(tmp_path).run("bench", *options).refused(2, *words)


def test_version_and_exit_codes_are_told(compiled):
    told = " ".join(compiled.run("--help").out.split()).partition("Exit codes: ")[2]
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert {int(code) for code in re.findall(r"(?:^|, )(\d+) ", told)} == codes
    assert json.loads(json.dumps(compiled.run("--version").out)).startswith("edgemed")
