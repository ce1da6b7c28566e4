"""A compile's folder: whole under a report, made again where a file changed, written by one at a time."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from artefacts import write_tuned

from edgemed.cli.located import artefact_folder, read_compilation
from edgemed.errors import BadInput, ToolFailure, Untrusted
from edgemed.pipeline import compile_model
from edgemed.runtime import TUNED_FILE, Session, read_manifest
from edgemed.stages.artefacts import ORIGINAL, Built
from edgemed.stages.job import Job, Silence
from edgemed.stages.shelf import shelve, sweep
from edgemed.types import Compilation, ModelSpec, Recipe
from edgemed.types.stress import Stress

RECIPE = Recipe(ModelSpec("model.onnx"), name="net", target="onnxruntime", precisions=("fp32",))


def _job(folder: Path) -> Job:
    return Job(RECIPE, folder, folder / "out")


def _compile(folder: Path) -> Compilation:
    return compile_model(_job(folder), "test")


def _write_model(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["scores"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf")
    _write_model(folder / "model.onnx")
    assert _compile(folder).best == ORIGINAL.id
    return folder


@pytest.fixture
def compiled(compiled_once: Path, tmp_path: Path) -> Path:
    """A folder with `model.onnx` and the `out` of its compile."""
    return Path(shutil.copytree(compiled_once, tmp_path / "site"))


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.slow
def test_spoilt_stages_are_made_again(compiled: Path):
    before = (compiled / "out/original/manifest.json").read_text()
    cache = compiled / "out/.cache"
    (graph,) = cache.glob("graph-*/graph.onnx")
    (model,) = cache.glob("build-*/artefact/model.onnx")
    latencies = min(cache.glob("latency-*/latencies.npz"))
    (golden,) = cache.glob("golden-*/*.npz")
    spoilt = {graph.parent, model.parents[1], latencies.parent, golden.parent}
    for path in (graph, model, latencies):
        _flip(path)
    golden.unlink()
    result = _compile(compiled)
    made = {stage.name for stage in result.stages if not stage.cached}
    assert made - {"data"} == {folder.name.rpartition("-")[0] for folder in spoilt}
    assert (compiled / "out/original/manifest.json").read_text() == before
    Session.load(compiled / "out/original")


def test_the_cache_keeps_the_manifest_that_it_was_built_with(compiled: Path):
    (built,) = (compiled / "out/.cache").glob("build-*/artefact")
    cached, shipped = read_manifest(built), read_manifest(artefact_folder(compiled / "out"))
    assert (cached.name, shipped.name) == ("", "net")
    assert cached.files == shipped.files
    Session.load(built)


def test_a_second_compile_in_the_same_folder_is_refused(compiled: Path):
    before = (compiled / "out/report.json").read_text()
    with _job(compiled).alone(), pytest.raises(BadInput, match="another edgemed is writing"):
        _compile(compiled)
    assert (compiled / "out/report.json").read_text() == before


def test_a_compile_that_ends_while_it_shelves_leaves_no_report(compiled: Path):
    out = compiled / "out"
    (cached,) = (out / ".cache").glob("build-*/artefact")
    gone = Built(ORIGINAL, cached.with_name("gone"), read_manifest(cached), "", 0, ())
    with pytest.raises(ToolFailure, match="cannot write"):
        shelve(_job(compiled), {ORIGINAL.id: gone}, [ORIGINAL.id])
    assert not list(out.glob("report.*"))
    with pytest.raises(BadInput, match="there is no report here"):
        read_compilation(out)
    assert _compile(compiled).best == read_compilation(out).best


@pytest.mark.parametrize(
    "name",
    [
        "original/scan.png",
        "artefacts/notes.txt",
        "artefacts/mine/model.onnx",
        "artefacts",
        "report.html/mine",
    ],
)
def test_files_that_no_compile_wrote_are_not_replaced(tmp_path: Path, name: str):
    own = tmp_path / "out" / name
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    _write_model(tmp_path / "model.onnx")
    with pytest.raises(BadInput, match="no compile wrote this, and one would replace it") as caught:
        _compile(tmp_path)
    assert "--out" in caught.value.remedy
    assert own.read_text() == "mine"
    assert not list((tmp_path / "out/.cache").glob("graph*"))


def test_a_copy_that_is_not_what_was_judged_ends_the_compile(compiled: Path):
    (cached,) = (compiled / "out/.cache").glob("build-*/artefact")
    _flip(cached / "model.onnx")
    manifest = replace(read_manifest(cached), name="net")
    built = {ORIGINAL.id: Built(ORIGINAL, cached, manifest, "", 0, ())}
    with pytest.raises(Untrusted, match=r"model\.onnx is not the file that was judged"):
        shelve(_job(compiled), built, [ORIGINAL.id])
    assert not (compiled / "out/report.json").exists()


def test_what_a_killed_compile_left_is_swept(compiled: Path):
    out = compiled / "out"
    whole = sorted(path for path in out.rglob("*") if ".cache" not in path.parts)
    for scratch in (out / f"artefacts/.{ORIGINAL.id}-x1", out / ".original-x2"):
        (scratch / "new").mkdir(parents=True)
        (scratch / "new/model.onnx").write_text("half")
    (out / ".report.json.12.part").write_text("{")
    sweep(out)
    assert sorted(path for path in out.rglob("*") if ".cache" not in path.parts) == whole


class _Warned(Silence):
    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


def test_what_a_tune_found_comes_first_until_other_artefacts_are_kept(compiled: Path):
    out = compiled / "out"
    best = f"artefacts/{ORIGINAL.id}"
    write_tuned(out, [best])
    job = Job(RECIPE, compiled, out, reporter := _Warned())
    compile_model(job, "test")
    assert artefact_folder(out) == out / best
    assert not any(TUNED_FILE in told for told in reporter.warned)
    renamed = Job(replace(RECIPE, name="another"), compiled, out, reporter)
    compile_model(renamed, "test")
    assert not (out / TUNED_FILE).exists()
    (told,) = [told for told in reporter.warned if TUNED_FILE in told]
    assert "next: edgemed-device tune" in told
    write_tuned(out, ["original"])
    assert artefact_folder(out) == out / "original"
    _compile(compiled)
    assert not (out / TUNED_FILE).exists()
    assert artefact_folder(out) == out / best
    (out / TUNED_FILE).write_text("mine")
    _compile(compiled)
    assert (out / TUNED_FILE).read_text() == "mine"


def test_a_stress_test_stays_until_other_models_are_kept(compiled: Path):
    folders = {"original": compiled / "out/original", ORIGINAL.id: artefact_folder(compiled / "out")}
    stress = Stress(
        created="", command="", simulated="SIMULATED", task={}, heads=2, cases=1, seed=0,
        models={name: read_manifest(folder).judged for name, folder in folders.items()},
        stand_ins={}, left_out={}, axes=(), largest=(), limits={},
    )  # fmt: skip
    file = compiled / "out/stress.json"
    file.write_text(stress.to_json())
    _compile(compiled)
    assert file.read_text() == stress.to_json()
    assert "SIMULATED" in (compiled / "out/report.html").read_text()
    file.write_text(replace(stress, models={**stress.models, ORIGINAL.id: "0" * 64}).to_json())
    _compile(compiled)
    assert not file.exists()
    file.write_text("mine")
    _compile(compiled)
    assert file.read_text() == "mine"


def test_a_folder_that_no_compile_wrote_is_not_called_interrupted(tmp_path: Path):
    with pytest.raises(BadInput, match="neither an artefact"):
        read_compilation(tmp_path)
