"""The contract of `Session`, and that it refuses whatever is not as its manifest says."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import EXIT_UNTRUSTED, BadInput, EdgemedError, ToolFailure, Unavailable, Untrusted
from edgemed.runtime import GOLDEN_FILE, MANIFEST_FILE, Session, golden_inputs, is_artefact, read_manifest

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


def test_a_runtime_that_fails_is_a_tool_failure(copied, change_manifest):
    """The manifest promises another shape than the graph takes."""
    _, folder = copied("mlp")
    manifest = read_manifest(folder)
    spec = manifest.inputs[0].to_dict() | {"shape": [9]}
    change_manifest(folder, inputs=[spec])
    session = Session.load_unverified(folder, read_manifest(folder))
    with pytest.raises(ToolFailure, match="onnxruntime failed"):
        session.run({"table": np.ones((1, 9), np.float32)})


def test_an_answer_of_another_width_is_a_tool_failure(copied, change_manifest):
    net, folder = copied("mlp")
    spec = read_manifest(folder).outputs[0].to_dict() | {"columns": 4}
    change_manifest(folder, outputs=[spec])
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


def test_threads_are_the_manifests_unless_given(copied, change_manifest):
    net, folder = copied()
    change_manifest(folder, threads=2)
    batch = net.batch(2)
    answers = [Session.load(folder, threads=threads).run(batch)["score"] for threads in (None, 1, 2)]
    assert all(np.allclose(answer, answers[0], atol=1e-6) for answer in answers)


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


def test_a_link_out_of_the_folder_is_untrusted(copied, tmp_path: Path):
    _, folder = copied()
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.move(folder / "model.onnx", outside / "model.onnx")
    (folder / "model.onnx").symlink_to(outside / "model.onnx")
    (outside / "model.onnx").write_bytes(b"other")
    with pytest.raises(Untrusted):
        Session.load(folder)


def test_a_manifest_cannot_name_files_elsewhere(copied, change_manifest):
    _, folder = copied()
    files = read_manifest(folder).files | {"../outside": "0" * 64}
    (folder.parent / "outside").write_text("outside")
    change_manifest(folder, files=files)
    with pytest.raises(Untrusted, match="is missing"):
        Session.load(folder)


def test_other_golden_answers_are_untrusted(copied, resign, write_golden):
    _, folder = copied()
    inputs = golden_inputs(folder, 6)
    answers = Session.load(folder).run(inputs)
    answers["score"][2] += 2e-4
    write_golden(folder, inputs, answers)
    with pytest.raises(Untrusted, match=r"golden cases differ by 0\.0002, allowed 0\.0001"):
        Session.load(resign(folder))
    answers["score"][2] -= 1.5e-4
    write_golden(folder, inputs, answers)
    assert Session.load(resign(folder)).replay_golden_cases() == pytest.approx(5e-5, rel=0.1)


@pytest.mark.parametrize("what", ["nan", "shape", "output", "input", "text", "absent", "dtype"])
def test_broken_golden_cases_are_untrusted(copied, resign, write_golden, what: str):
    _, folder = copied()
    inputs, answers = golden_inputs(folder, 6), Session.load(folder).run(golden_inputs(folder, 6))
    if what == "nan":
        answers["score"][:] = np.nan
    elif what == "shape":
        answers["score"] = answers["score"][:5]
    elif what == "output":
        answers = {"other": answers["score"]}
    elif what == "input":
        del inputs["table"]
    elif what == "dtype":
        inputs["table"] = inputs["table"].astype(np.float64)
    write_golden(folder, inputs, answers)
    if what == "text":
        (folder / GOLDEN_FILE).write_text("not an archive")
    elif what == "absent":
        (folder / GOLDEN_FILE).unlink()
    with pytest.raises(Untrusted, match="golden cases"):
        Session.load(resign(folder))


def _claims(shape: str, dtype: str = "<f4") -> bytes:
    """An .npy file without data whose header claims this."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize("whole", [b"", b"PK", _claims("(6, 1)"), _claims(f"({7 << 40},)", "|i1")])
def test_golden_cases_that_are_no_archive_are_untrusted(copied, resign, whole: bytes):
    _, folder = copied()
    (folder / GOLDEN_FILE).write_bytes(whole)
    with pytest.raises(Untrusted, match="golden cases"):
        Session.load(resign(folder))
    with pytest.raises(Untrusted, match="golden cases"):
        golden_inputs(folder, 1)


@pytest.mark.parametrize(
    "table",
    [
        b"", _claims("(6, 4)"), _claims(f"({7 << 40}, 4)"), _claims("(-1, 4)"), _claims(f"({10**30}, 4)"),
        _claims("(0, 4)"), _claims("()"), _claims("(6, 4)", "|O"), _claims("(" * 4000 + ")" * 4000),
        _claims("-" * 9000 + "1"),
    ],
    ids=["empty", "torn", "huge", "negative", "absurd", "none", "scalar", "pickled", "deep", "signs"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["in.image", "in.table", "out.score"])
def test_golden_headers_that_lie_are_untrusted(copied, resign, name: str, table: bytes):
    _, folder = copied()
    with np.load(folder / GOLDEN_FILE) as golden:
        arrays = {key: golden[key] for key in golden.files if key != name}
    np.savez(folder / GOLDEN_FILE, **arrays)
    with zipfile.ZipFile(folder / GOLDEN_FILE, "a") as archive:
        archive.writestr(f"{name}.npy", table)
    with pytest.raises(Untrusted, match="golden cases are broken"):
        Session.load(resign(folder))


def test_too_many_golden_cases_and_an_array_given_twice_are_untrusted(copied, resign, write_golden):
    _, folder = copied()
    inputs, answers = golden_inputs(folder, 6), Session.load(folder).run(golden_inputs(folder, 6))
    many = [
        {name: np.repeat(array, 700, axis=0) for name, array in each.items()} for each in (inputs, answers)
    ]
    write_golden(folder, *many)
    with pytest.raises(Untrusted, match="4200 cases, expected 1 to 4096"):
        Session.load(resign(folder))
    write_golden(folder, inputs, answers)
    with (
        zipfile.ZipFile(folder / GOLDEN_FILE, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("in.table.npy", archive.read("in.table.npy"))
    with pytest.raises(Untrusted, match=r"2 arrays in\.table, expected one"):
        Session.load(resign(folder))


def test_golden_cases_packed_in_an_unusual_way_are_untrusted(copied, resign):
    _, folder = copied()
    with zipfile.ZipFile(folder / GOLDEN_FILE) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for how, message in ((zipfile.ZIP_DEFLATED, ""), (zipfile.ZIP_LZMA, "golden cases are broken")):
        with zipfile.ZipFile(folder / GOLDEN_FILE, "w", how) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        if not message:
            assert Session.load(resign(folder)).replay_golden_cases() < 1e-4
            continue
        with pytest.raises(Untrusted, match=message):
            Session.load(resign(folder))


def test_another_format_version_is_untrusted(copied, change_manifest):
    _, folder = copied()
    change_manifest(folder, format_version=2)
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
        {"inputs": []},
        {"outputs": []},
        {"outputs": [{"name": "score", "kind": "binary", "columns": 1, "threshold": 5.0}]},
        {"outputs": [{"name": "score", "kind": "binary", "columns": 0}]},
        {"outputs": [{"name": "score", "kind": "binary", "columns": 1}] * 2},
    ],
)
def test_a_broken_manifest_is_untrusted(copied, change_manifest, changes: dict):
    _, folder = copied()
    change_manifest(folder, **changes)
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


def test_a_backend_that_nobody_has_is_told(copied, change_manifest):
    _, folder = copied()
    change_manifest(folder, backend="openvinno")
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


@pytest.mark.parametrize("backend", BACKENDS)
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
