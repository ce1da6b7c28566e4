"""The contract of `Session`, and that it refuses whatever is not as its manifest says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import artefacts
import graphs
import numpy as np
import pytest

from edgemed.errors import EXIT_UNTRUSTED, BadInput, EdgemedError, ToolFailure, Unavailable, Untrusted
from edgemed.runtime import GOLDEN_FILE, MANIFEST_FILE, Session, golden_inputs, is_artefact, read_manifest
from edgemed.types import InputSpec, OutputSpec

BACKENDS = ("onnxruntime", "openvino")


@pytest.fixture(params=BACKENDS)
def fusion(artefact, request: pytest.FixtureRequest):
    """(net, session) with an image and a table."""
    net, folder = artefact("fusion", request.param)
    return net, Session.load(folder)


def test_run_gives_float32_per_output(fusion):
    net, session = fusion
    for rows in (1, 2, 5):
        outputs = session.run(net.batch(rows))
        assert list(outputs) == ["score"]
        assert outputs["score"].shape == (rows, 1)
        assert outputs["score"].dtype == np.float32
        assert ((outputs["score"] > 0) & (outputs["score"] < 1)).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_outputs_keep_their_names(artefact, backend: str):
    net, folder = artefact("heads", backend)
    outputs = Session.load(folder).run(net.batch(2))
    assert {name: array.shape for name, array in outputs.items()} == {"classes": (2, 3), "volume": (2, 1)}
    assert np.allclose(outputs["classes"].sum(1), 1, atol=1e-5)


def test_predict_is_run_on_one_sample(fusion):
    net, session = fusion
    batch = net.batch(3)
    for index in range(3):
        one = {name: array[index] for name, array in batch.items()}
        alone = session.run({name: array[index : index + 1] for name, array in batch.items()})
        assert session.predict(one)["score"].shape == (1,)
        assert np.array_equal(session.predict(one)["score"], alone["score"][0])


def test_the_array_of_an_only_input_needs_no_name(artefact, fusion):
    net, folder = artefact("heads", "onnxruntime")
    session = Session.load(folder)
    (array,) = net.batch(1).values()
    named = session.predict({session.manifest.inputs[0].name: array[0]})
    for name, answer in session.predict(array[0]).items():
        assert np.array_equal(answer, named[name])
    with pytest.raises(BadInput, match="expected a dict of arrays"):
        session.run(array)
    net, several = fusion
    with pytest.raises(BadInput, match="expected a dict of image, table"):
        several.predict(net.batch(1)["image"][0])


def _broken(inputs: dict[str, np.ndarray]) -> dict[str, tuple[object, str]]:
    image, table = inputs["image"], inputs["table"]
    nan, infinite = image.copy(), table.copy()
    nan[0, 0, 3, 3], infinite[1, 2] = np.nan, -np.inf
    return {
        "dtype": ({"image": image.astype(np.float64), "table": table}, "'image' is float64"),
        "integer": ({"image": image.astype(np.uint8), "table": table}, "'image' is uint8"),
        "shape": ({"image": image[:, :, :-1], "table": table}, r"expected float32 \(N, 1, 12, 12\)"),
        "axes": ({"image": image[:, 0], "table": table}, r"expected float32 \(N, 1, 12, 12\)"),
        "rows": ({"image": image, "table": table[:1]}, "'table' is"),
        "empty": ({"image": image[:0], "table": table[:0]}, "'image' is"),
        "scalar": ({"image": np.float32(1), "table": table}, "'image' is"),
        "list": ({"image": image.tolist(), "table": table}, "'image' is a list"),
        "name": ({"picture": image, "table": table}, "inputs are picture, table; expected image, table"),
        "missing": ({"image": image}, "inputs are image; expected image, table"),
        "more": (inputs | {"mask": image}, "inputs are image, table, mask"),
        "none": ({}, "inputs are none"),
        "nan": ({"image": nan, "table": table}, "'image' holds NaN"),
        "infinite": ({"image": image, "table": infinite}, "'table' holds NaN or infinite"),
    }


@pytest.mark.parametrize("what", [*_broken({"image": np.ones((2, 1, 9, 9)), "table": np.ones((2, 4))})])
def test_a_broken_contract_is_bad_input(artefact, what: str):
    net, folder = artefact("fusion")
    inputs, message = _broken(net.batch(2))[what]
    with pytest.raises(BadInput, match=message):
        Session.load(folder).run(inputs)


def test_a_runtime_that_fails_is_a_tool_failure(copied):
    """The manifest promises another shape than the graph takes."""
    _, folder = copied("mlp")
    manifest = read_manifest(folder)
    spec = manifest.inputs[0].to_dict() | {"shape": [9]}
    artefacts.change_manifest(folder, inputs=[spec])
    session = Session.load_unverified(folder, read_manifest(folder))
    with pytest.raises(ToolFailure, match="onnxruntime failed"):
        session.run({"table": np.ones((1, 9), np.float32)})


def test_an_answer_of_another_width_is_a_tool_failure(copied):
    net, folder = copied("mlp")
    spec = read_manifest(folder).outputs[0].to_dict() | {"columns": 4}
    artefacts.change_manifest(folder, outputs=[spec])
    session = Session.load_unverified(folder, read_manifest(folder))
    with pytest.raises(ToolFailure, match=r"has shape \(2, 3\), expected \(2, 4\)"):
        session.run(net.batch(2))


def test_an_answer_that_is_not_finite_is_a_tool_failure(artefact):
    _, folder = artefact("heads")
    session = Session.load(artefact("mlp")[1])
    with pytest.raises(ToolFailure, match="not finite"):
        session.run({"table": np.full((1, 8), 3e38, np.float32)})
    assert Session.load(folder).run(golden_inputs(folder, 1))


def test_eight_threads_get_the_answers_of_one(fusion):
    net, session = fusion
    batches = [net.batch(2, seed=seed) for seed in range(40)]
    expected = [session.run(batch)["score"] for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda batch: session.run(batch)["score"], batches * 4))
    assert all(np.array_equal(a, b) for a, b in zip(answers, expected * 4, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_are_the_manifests_unless_given(copied, backend: str):
    _, folder = copied("fusion", backend)
    artefacts.change_manifest(folder, threads=2)
    sessions = [Session.load(folder, threads=threads) for threads in (None, 1, 2)]
    assert [artefacts.threads_of(session._executor) for session in sessions] == [2, 1, 2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_changed_byte_is_untrusted(copied, backend: str):
    _, folder = copied("fusion", backend)
    names = sorted(path.name for path in folder.iterdir() if path.name != MANIFEST_FILE)
    assert GOLDEN_FILE in names
    assert len(names) == {"onnxruntime": 2, "openvino": 3}[backend]
    for name in names:
        data = (folder / name).read_bytes()
        middle = len(data) // 2
        (folder / name).write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        with pytest.raises(Untrusted, match=f"{name} is not the file that was judged") as caught:
            Session.load(folder)
        assert caught.value.exit_code == EXIT_UNTRUSTED
        (folder / name).write_bytes(data)
    Session.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", GOLDEN_FILE])
def test_a_missing_file_is_untrusted(copied, name: str):
    _, folder = copied()
    (folder / name).unlink()
    with pytest.raises(Untrusted, match=f"{name} is missing"):
        Session.load(folder)


@pytest.mark.parametrize("name", ["more.txt", ".hidden", "inner/more.bin"])
def test_one_file_more_is_untrusted(copied, name: str):
    _, folder = copied()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("more")
    with pytest.raises(Untrusted, match=f"{name} is not in the manifest"):
        Session.load(folder)


def test_behind_a_link_too_only_the_file_that_was_judged_is_trusted(copied, tmp_path: Path):
    """Where a file lies is the device's affair; what is in it is checked."""
    net, folder = copied()
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.move(folder / "model.onnx", outside / "model.onnx")
    (folder / "model.onnx").symlink_to(outside / "model.onnx")
    assert Session.load(folder).run(net.batch(1))["score"].shape == (1, 1)
    (outside / "model.onnx").write_bytes(b"other")
    with pytest.raises(Untrusted, match=r"model\.onnx is not the file that was judged"):
        Session.load(folder)


def test_a_manifest_cannot_name_files_elsewhere(copied):
    _, folder = copied()
    files = read_manifest(folder).files | {"../outside": "0" * 64}
    (folder.parent / "outside").write_text("outside")
    artefacts.change_manifest(folder, files=files)
    with pytest.raises(Untrusted, match="is missing"):
        Session.load(folder)


def test_another_format_version_is_untrusted(copied):
    _, folder = copied()
    artefacts.change_manifest(folder, format_version=2)
    with pytest.raises(Untrusted, match="format version 2; this edgemed reads 1") as caught:
        Session.load(folder)
    assert "upgrade" in caught.value.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "int4"},
        {"unknown": 1},
        {"threads": "2"},
        {"inputs": [{"name": "x"}]},
        {"files": ...},
        {"threads": 10**9},
        {"threads": 10**30},
        {"threads": -3},
        {"threads": 0},
        {"golden_tolerance": 1e9},
        {"golden_tolerance": -1.0},
        {"golden_tolerance": float("nan")},
        {"golden_tolerances": {"aarch64": 1.0}},
        {"golden_tolerances": {"aarch64": float("nan")}},
        {"inputs": []},
        {"outputs": []},
        {"outputs": [{"name": "score", "kind": "binary", "columns": 1, "threshold": 5.0}]},
        {"outputs": [{"name": "score", "kind": "binary", "columns": 0}]},
        {"outputs": [{"name": "score", "kind": "binary", "columns": 1}] * 2},
    ],
)
def test_a_broken_manifest_is_untrusted(copied, changes: dict):
    _, folder = copied()
    artefacts.change_manifest(folder, **changes)
    with pytest.raises(Untrusted, match=r"manifest\.json is broken"):
        Session.load(folder)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"\xff\xfe", b"{}", b"[" * 200_000, b'{"name": "a", "name": "b"}', b"9" * 5000,
    ],
    ids=["empty", "torn", "list", "bytes", "nothing", "deep", "twice", "number"],
)  # fmt: skip
def test_a_manifest_that_is_not_one_is_untrusted(copied, text: bytes):
    _, folder = copied()
    (folder / MANIFEST_FILE).write_bytes(text)
    with pytest.raises(Untrusted, match=r"manifest\.json is"):
        Session.load(folder)


def test_what_is_no_artefact_is_bad_input(artefact, tmp_path: Path):
    assert is_artefact(artefact("fusion")[1])
    assert not is_artefact(tmp_path)
    assert not is_artefact(tmp_path / "nothing")
    with pytest.raises(BadInput, match=r"there is no manifest\.json"):
        Session.load(tmp_path)


def test_a_backend_that_nobody_has_is_told(copied):
    _, folder = copied()
    artefacts.change_manifest(folder, backend="openvinno")
    with pytest.raises(EdgemedError, match="no backend 'openvinno'"):
        Session.load(folder)


def test_a_runtime_that_is_not_installed_is_unavailable(artefact, tmp_path: Path):
    """An interpreter that has edgemed and numpy, but no runtime."""
    import numpy

    import edgemed

    for package in (edgemed, numpy):
        source = Path(package.__file__).parent
        (tmp_path / source.name).symlink_to(source)
    for libraries in Path(numpy.__file__).parent.parent.glob("numpy.libs"):
        (tmp_path / libraries.name).symlink_to(libraries)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from edgemed.errors import Unavailable\nfrom edgemed.runtime import Session\n"
        f"try:\n    Session.load({str(artefact('fusion')[1])!r})\n"
        "except Unavailable as error:\n    print(error)\n"
    )
    ran = subprocess.run(
        [sys._base_executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert "onnxruntime is not installed" in ran.stdout
    assert "pip install 'edgemed[onnxruntime]'" in ran.stdout
    assert issubclass(Unavailable, ToolFailure)


@pytest.mark.parametrize("backend", ["onnxruntime", pytest.param("openvino", marks=pytest.mark.slow)])
def test_a_session_imports_nothing_heavy(artefact, backend: str):
    _, folder = artefact("fusion", backend)
    code = (
        "import sys\nfrom edgemed.runtime import Session, golden_inputs\n"
        f"session = Session.load({str(folder)!r})\nsession.run(golden_inputs(session.folder, 1))\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(ran.stdout.split())
    assert backend in imported
    heavy = {"torch", "onnx", "nncf", "click", "scipy", "sklearn", "rich", "jinja2", "PIL", *BACKENDS}
    assert not imported & (heavy - {backend})


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("what", "specs", "told"),
    [
        ("inputs", [{"name": "picture"}, {"name": "table"}], "inputs are image, table; the manifest says pi"),
        ("inputs", [{"name": "image"}], "inputs are image, table; the manifest says image"),
        ("outputs", [{"name": "probability"}], "outputs are score; the manifest says probability"),
        ("outputs", [{"name": "score"}, {"name": "b"}], "outputs are score; the manifest says score, b"),
    ],
)
def test_other_names_than_the_graphs_are_untrusted(copied, backend, what, specs, told):
    _, folder = copied("fusion", backend)
    manifest = read_manifest(folder).to_dict()
    whole = [manifest[what][min(i, len(manifest[what]) - 1)] | spec for i, spec in enumerate(specs)]
    artefacts.change_manifest(folder, **{what: whole})
    with pytest.raises(Untrusted, match=told):
        Session.load(folder)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sample_may_hold_single_values_and_views(tmp_path: Path, backend: str):
    g = graphs.Writer(0)
    age = g.add("Unsqueeze", "age", g.constant(np.array([1])))
    x = g.relu(g.gemm(g.add("Concat", age, "table", axis=1), 5, 8))
    g.sigmoid(g.gemm(x, 8, 1), "score")
    inputs = (InputSpec("age", "float32", ()), InputSpec("table", "float32", (4,)))
    net = g.write(tmp_path, "scalar", inputs, (OutputSpec("score", "binary", 1),))
    session = Session.load(artefacts.make_artefact(net, backend, "fp32", net.path, tmp_path / "artefact"))
    batch = net.batch(3)
    for row, expected in enumerate(session.run(batch)["score"]):
        turned = np.repeat(batch["table"][row], 2)[::-2][::-1]
        assert not turned.flags.c_contiguous
        for age in (batch["age"][row], np.array(batch["age"][row])):
            assert session.predict({"age": age, "table": turned})["score"] == pytest.approx(
                expected, abs=1e-6
            )


def test_a_manifest_that_cannot_be_read_is_not_called_absent(copied):
    _, folder = copied()
    (folder / MANIFEST_FILE).unlink()
    (folder / MANIFEST_FILE).mkdir()
    with pytest.raises(BadInput, match=r"manifest\.json cannot be read: Is a directory"):
        Session.load(folder)


def test_a_file_that_cannot_be_read_is_untrusted(copied):
    _, folder = copied()
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to("model.onnx")
    with pytest.raises(Untrusted, match=r"model\.onnx cannot be read: Too many levels"):
        Session.load(folder)


def test_a_batch_given_to_predict_is_named(artefact):
    net, folder = artefact("cnn1d")
    with pytest.raises(BadInput, match=r"is a batch of shape .*; predict takes one sample") as caught:
        Session.load(folder).predict(net.batch(2))
    assert caught.value.remedy == "give a batch to run"


def test_predict_tells_of_the_sample_that_it_was_given(artefact):
    net, folder = artefact("cnn1d")
    session = Session.load(folder)
    ((name, batch),) = net.batch(1).items()
    with pytest.raises(BadInput) as caught:
        session.predict(batch[0, :, :-1])
    assert caught.value.problem == (
        f"input {name!r} has shape {batch[0, :, :-1].shape}; predict takes {batch[0].shape}"
    )
    with pytest.raises(BadInput) as caught:
        session.predict(batch[0].astype(np.float64))
    assert caught.value.problem == f"input {name!r} is float64; expected float32"


def test_a_path_that_is_not_there_is_not_taken_for_an_artefact(tmp_path):
    with pytest.raises(BadInput, match="no such file or folder") as caught:
        Session.load(tmp_path / "model.edgemed")
    assert "a bundle" in caught.value.remedy


def test_an_unpacked_bundle_is_told_from_an_artefact(tmp_path):
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(BadInput, match="an unpacked bundle") as caught:
        Session.load(tmp_path)
    assert "give the .edgemed file" in caught.value.remedy
