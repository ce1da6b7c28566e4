"""Golden cases: read without trust, replayed one by one."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import artefacts
import numpy as np
import pytest

from edgemed.backends import get_backend
from edgemed.errors import Untrusted
from edgemed.runtime import GOLDEN_FILE, Session, golden_inputs, read_manifest


def test_other_golden_answers_are_untrusted(copied):
    _, folder = copied()
    inputs = golden_inputs(folder, 6)
    answers = Session.load(folder).run(inputs)
    answers["score"][2] += 2e-4
    artefacts.write_golden(folder, inputs, answers)
    with pytest.raises(Untrusted, match=r"golden cases differ by 0\.0002, allowed 0\.0001"):
        Session.load(artefacts.sign(folder))
    answers["score"][2] -= 1.5e-4
    artefacts.write_golden(folder, inputs, answers)
    assert Session.load(artefacts.sign(folder)).replay_golden_cases() == pytest.approx(5e-5, rel=0.1)


@pytest.mark.parametrize("what", ["nan", "shape", "output", "input", "text", "absent", "dtype"])
def test_broken_golden_cases_are_untrusted(copied, what: str):
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
    artefacts.write_golden(folder, inputs, answers)
    if what == "text":
        (folder / GOLDEN_FILE).write_text("not an archive")
    elif what == "absent":
        (folder / GOLDEN_FILE).unlink()
    with pytest.raises(Untrusted, match="golden cases"):
        Session.load(artefacts.sign(folder))


def _claims(shape: str, dtype: str = "<f4") -> bytes:
    """An .npy file without data whose header claims this."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize("whole", [b"", b"PK", _claims("(6, 1)"), _claims(f"({7 << 40},)", "|i1")])
def test_golden_cases_that_are_no_archive_are_untrusted(copied, whole: bytes):
    _, folder = copied()
    (folder / GOLDEN_FILE).write_bytes(whole)
    with pytest.raises(Untrusted, match="golden cases"):
        Session.load(artefacts.sign(folder))
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
def test_golden_headers_that_lie_are_untrusted(copied, name: str, table: bytes):
    _, folder = copied()
    with np.load(folder / GOLDEN_FILE) as golden:
        arrays = {key: golden[key] for key in golden.files if key != name}
    np.savez(folder / GOLDEN_FILE, **arrays)
    with zipfile.ZipFile(folder / GOLDEN_FILE, "a") as archive:
        archive.writestr(f"{name}.npy", table)
    with pytest.raises(Untrusted, match="golden cases are broken"):
        Session.load(artefacts.sign(folder))


def test_too_many_golden_cases_and_an_array_given_twice_are_untrusted(copied):
    _, folder = copied()
    inputs, answers = golden_inputs(folder, 6), Session.load(folder).run(golden_inputs(folder, 6))
    many = [
        {name: np.repeat(array, 700, axis=0) for name, array in each.items()} for each in (inputs, answers)
    ]
    artefacts.write_golden(folder, *many)
    with pytest.raises(Untrusted, match="4200 cases, expected 1 to 4096"):
        Session.load(artefacts.sign(folder))
    artefacts.write_golden(folder, inputs, answers)
    with (
        zipfile.ZipFile(folder / GOLDEN_FILE, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("in.table.npy", archive.read("in.table.npy"))
    with pytest.raises(Untrusted, match=r"2 arrays in\.table, expected one"):
        Session.load(artefacts.sign(folder))


def test_golden_cases_packed_in_an_unusual_way_are_untrusted(copied):
    _, folder = copied()
    with zipfile.ZipFile(folder / GOLDEN_FILE) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for how, message in ((zipfile.ZIP_DEFLATED, ""), (zipfile.ZIP_LZMA, "golden cases are broken")):
        with zipfile.ZipFile(folder / GOLDEN_FILE, "w", how) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        if not message:
            assert Session.load(artefacts.sign(folder)).replay_golden_cases() < 1e-4
            continue
        with pytest.raises(Untrusted, match=message):
            Session.load(artefacts.sign(folder))


class Counting:
    """An executor that notes the size of each batch."""

    def __init__(self, executor) -> None:
        self.executor = executor
        self.inputs, self.outputs = executor.inputs, executor.outputs
        self.rows: list[int] = []

    def run(self, inputs):
        self.rows.append(len(next(iter(inputs.values()))))
        return self.executor.run(inputs)


def test_golden_cases_are_replayed_one_by_one(artefact):
    net, folder = artefact("fusion")
    manifest = read_manifest(folder)
    names = tuple(spec.name for spec in net.outputs)
    executor = Counting(get_backend("onnxruntime").load(folder, "fp32", names, 1))
    assert Session(manifest, executor, folder).replay_golden_cases() < 1e-4
    assert executor.rows == [1] * 6


@pytest.mark.parametrize(
    ("arch", "sets", "allowed"),
    [
        ("x86_64", {"avx2", "fma"}, 1e-4),
        ("x86_64", {"avx2"}, 1e-2),
        ("aarch64", {"asimd"}, 3e-2),
        ("arm64", {"asimd"}, 3e-2),
        ("riscv64", set(), 1e-4),
        ("x86_64", set(), 1e-2),
    ],
)
def test_a_tolerance_is_that_of_the_processor(artefact, arch, sets, allowed):
    _, folder = artefact("fusion", "onnxruntime")
    manifest = replace(
        read_manifest(folder),
        host={"arch": "x86_64", "instruction_sets": "avx2 fma"},
        golden_tolerance=1e-4,
        golden_tolerances={"x86_64": 1e-2, "aarch64": 3e-2},
    )
    assert manifest.golden_tolerance_on(arch, frozenset(sets)) == allowed
