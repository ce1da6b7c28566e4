"""npz sets: streaming, defaults, labels and bad input."""

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edgemed.errors import BadInput
from edgemed.readers import describe, open_set, read_file
from edgemed.readers.npy_entry import NpyEntry
from edgemed.types import InputSpec, OutputSpec

IMAGE = InputSpec("image", "uint8", (28, 28), "HW")
BINARY = OutputSpec("disease", "binary", 1)
TABLE = InputSpec("signal", "float32", (3,))


def save(folder: Path, **arrays: Any) -> Path:
    np.savez_compressed(folder / "set.npz", **arrays)
    return folder


@settings(deadline=None, max_examples=60)
@given(
    st.data(),
    st.sampled_from(["<f4", ">f4", "<f8", ">f2", "u1", ">u2", "<i8", "?", "<U5", ">U3"]),
    npst.array_shapes(min_dims=1, max_dims=4, max_side=5),
    st.booleans(),
    st.booleans(),
)
def test_rows_equal_the_array(
    data: st.DataObject, dtype: str, shape: tuple[int, ...], fortran: bool, compressed: bool
) -> None:
    array = np.asarray(data.draw(npst.arrays(dtype, shape)), order="F" if fortran else "C")
    start = data.draw(st.integers(0, shape[0] - 1))
    stop = data.draw(st.integers(start + 1, shape[0]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.npz"
        (np.savez_compressed if compressed else np.savez)(path, x=array)
        rows = list(NpyEntry(path, "x").rows(range(start, stop)))
    np.testing.assert_array_equal(np.stack(rows), array[start:stop])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_array(tmp_path: Path) -> None:
    rows = np.zeros((300, 1 << 20), np.uint8)
    rows[:, 0] = np.arange(300) % 256
    np.savez_compressed(tmp_path / "big.npz", x=rows)
    script = """
import resource, sys
from pathlib import Path
from edgemed.readers import open_set
from edgemed.types import InputSpec
data = open_set("big.npz::rows=1:", [InputSpec("x", "uint8", (1 << 20,))], [], base=Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = sum(int(sample.inputs["x"][0]) for sample in data)
print(total, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    total, grown_kib = map(int, run.stdout.split())
    assert total == int(rows[1:, 0].astype(int).sum())
    assert grown_kib < 40 * 1024


def test_chest_xrays(data_dir: Path) -> None:
    ref = "pneumoniamnist.npz::x=val_images,y=val_labels"
    data = open_set(ref, [IMAGE], [BINARY], base=data_dir)
    first, again = list(data), list(data)
    stored = np.load(data_dir / "pneumoniamnist.npz")
    assert len(data) == len(first) == 524
    assert (data.labelled, data.notes, data.skipped) == (True, (), ())
    assert first[3].name == "val_images[3]"
    assert [sample.content for sample in first] == [sample.content for sample in again]
    np.testing.assert_array_equal([sample.inputs["image"] for sample in first], stored["val_images"])
    labels = [int(sample.targets["disease"]) for sample in first]
    np.testing.assert_array_equal(labels, stored["val_labels"].reshape(-1))


def test_chest_xrays_resized_and_in_colour(data_dir: Path) -> None:
    spec = InputSpec("image", "float32", (3, 56, 40), "CHW")
    data = open_set("pneumoniamnist.npz::x=test_images,rows=5:8", [spec], [], base=data_dir)
    sample = next(iter(data))
    assert sample.name == "test_images[5]"
    assert sample.inputs["image"].shape == (3, 56, 40)
    assert sample.inputs["image"].dtype == np.float32
    assert len(data) == 3
    assert not data.labelled
    assert any("56x40" in note for note in data.notes)
    assert any("three channels" in note for note in data.notes)


def test_label_keys_are_passed_over_where_no_labels_are_asked_for(data_dir: Path) -> None:
    for ref in (
        "pneumoniamnist.npz::x=val_images,y=val_labels",
        "pneumoniamnist.npz::x=val_images,y.a=val_labels",
    ):
        data = open_set(ref, [IMAGE], [], base=data_dir)
        assert not data.labelled
        assert next(iter(data)).targets == {}


def test_targets_come_without_samples(tmp_path: Path) -> None:
    """Those of samples that cannot be read too."""
    save(tmp_path, x=np.full((4, 3), np.nan, np.float32), y=np.array([[0], [1], [1], [0]]))
    data = open_set("set.npz::rows=1:", [TABLE], [BINARY], base=tmp_path)
    assert [(name, int(each["disease"])) for name, each in data.targets()] == [
        ("x[1]", 1),
        ("x[2]", 1),
        ("x[3]", 0),
    ]
    assert list(open_set("set.npz::rows=3:", [TABLE], [], base=tmp_path).targets()) == [("x[3]", {})]


def test_labels_that_are_named_are_checked_where_none_are_asked_for(tmp_path: Path) -> None:
    save(tmp_path, x=np.ones((4, 3), np.float32), few=np.zeros(3), y=np.zeros(3))
    with pytest.raises(BadInput, match="no array 'z'"):
        open_set("set.npz::x=x,y=z", [TABLE], [], base=tmp_path)
    with pytest.raises(BadInput, match="differ in length: x 4, few 3"):
        open_set("set.npz::x=x,y.disease=few", [TABLE], [], base=tmp_path)
    assert len(open_set("set.npz", [TABLE], [], base=tmp_path)) == 4


def test_hippocampus_two_regression_heads(data_dir: Path) -> None:
    heads = [OutputSpec("anterior", "regression", 1), OutputSpec("posterior", "regression", 1)]
    ref = "hippocampus3d.npz::y.anterior=vol_anterior_mm3,y.posterior=vol_posterior_mm3,group=name,rows=10:12"
    spec = InputSpec("mri", "float32", (1, 48, 64, 48), "CDHW")
    sample = next(iter(open_set(ref, [spec], heads, base=data_dir)))
    stored = np.load(data_dir / "hippocampus3d.npz")
    assert sample.targets["anterior"] == stored["vol_anterior_mm3"][10]
    assert sample.targets["posterior"].shape == (1,)
    assert sample.group == str(stored["name"][10])
    np.testing.assert_array_equal(sample.inputs["mri"][0], stored["x"][10])
    with pytest.raises(BadInput, match="not for output 'posterior'"):
        open_set("hippocampus3d.npz::y.anterior=vol_anterior_mm3", [spec], heads, base=data_dir)


def test_raw_signals(data_dir: Path) -> None:
    spec = InputSpec("decay", "float32", (1, 3951), "CL")
    data = open_set("tdnmr_t2_decays.npz", [spec], [], base=data_dir)
    assert {sample.inputs["decay"].shape for sample in data} == {(1, 3951)}
    with pytest.raises(BadInput, match="does not fit"):
        open_set("tdnmr_t2_decays.npz", [InputSpec("decay", "float32", (1, 4000), "CL")], [], base=data_dir)


def test_several_inputs_by_name(tmp_path: Path) -> None:
    base = save(
        tmp_path, image=np.zeros((4, 8, 8), np.uint8), age=np.arange(4.0), labels=np.ones((4, 1), int)
    )
    specs = [InputSpec("image", "uint8", (8, 8), "HW"), InputSpec("age", "float32", (1,))]
    samples = list(open_set("set.npz", specs, [BINARY], base=base))
    assert [float(sample.inputs["age"][0]) for sample in samples] == [0, 1, 2, 3]
    assert samples[0].targets["disease"] == 1
    assert samples[0].targets["disease"].shape == ()


@pytest.mark.parametrize(
    ("output", "labels", "targets"),
    [
        (OutputSpec("o", "multiclass", 3), [[0, 0, 1], [1, 0, 0]], [2, 0]),
        (OutputSpec("o", "multiclass", 3), [2.0, 1.0], [2, 1]),
        (OutputSpec("o", "binary", 2), [[1], [0]], [1, 0]),
        (OutputSpec("o", "binary", 2), [[0, 1], [1, 0]], [1, 0]),
        (OutputSpec("o", "binary", 1), [True, False], [1, 0]),
        (OutputSpec("o", "binary", 1, ("well", "ill")), ["ill", "well"], [1, 0]),
        (OutputSpec("o", "multilabel", 3), [[0, 1, 1], [0, 0, 0]], [[0, 1, 1], [0, 0, 0]]),
        (OutputSpec("o", "regression", 2), [[0.5, 1], [2, 3]], [[0.5, 1], [2, 3]]),
    ],
)
def test_labels(tmp_path: Path, output: OutputSpec, labels: Any, targets: Any) -> None:
    base = save(tmp_path, x=np.zeros((2, 3), np.float32), y=np.array(labels))
    found = [sample.targets["o"] for sample in open_set("set.npz", [TABLE], [output], base=base)]
    np.testing.assert_array_equal(found, targets)


@pytest.mark.parametrize(
    ("output", "labels"),
    [
        (BINARY, [0, 2]),
        (BINARY, [0, -1]),
        (BINARY, [0, 0.5]),
        (BINARY, [0, np.nan]),
        (BINARY, ["0", "ill"]),
        (OutputSpec("o", "multiclass", 3), [0, 3]),
        (OutputSpec("o", "multiclass", 3), [[0, 0, 1], [0, 1, 1]]),
        (OutputSpec("o", "multiclass", 3), [[0, 1], [0, 1]]),
        (OutputSpec("o", "multilabel", 2), [[0, 1], [0, 2]]),
        (OutputSpec("o", "regression", 2), [1.0, 2.0]),
        (OutputSpec("o", "regression", 1), [1.0, np.inf]),
    ],
)
def test_labels_out_of_range_are_found_at_opening(tmp_path: Path, output: OutputSpec, labels: Any) -> None:
    base = save(tmp_path, x=np.zeros((2, 3), np.float32), y=np.array(labels))
    with pytest.raises(BadInput) as caught:
        open_set("set.npz", [TABLE], [output], base=base, skip_bad=True)
    assert "y[" in caught.value.where


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "<U3"])
def test_no_lossy_cast(tmp_path: Path, dtype: str) -> None:
    base = save(tmp_path, x=np.zeros((2, 28, 28)).astype(dtype))
    with pytest.raises(BadInput, match="x in set"):
        open_set("set.npz", [IMAGE], [], base=base)


def test_integers_are_cast_where_their_values_fit(tmp_path: Path) -> None:
    base = save(tmp_path, x=np.array([[1, 2, 255], [1, 2, 256]]))
    data = iter(open_set("set.npz", [InputSpec("signal", "uint8", (3,))], [], base=base))
    assert next(data).inputs["signal"].tolist() == [1, 2, 255]
    with pytest.raises(BadInput, match="without loss") as caught:
        next(data)
    assert "x[1]" in caught.value.where


def test_floats_do_not_become_integers(tmp_path: Path) -> None:
    """Pictures that were scaled to 0..1 would be all black."""
    base = save(tmp_path, x=np.array([[0.1, 0.5, 1.0]]))
    with pytest.raises(BadInput, match="float64 values do not become uint8") as caught:
        list(open_set("set.npz", [InputSpec("signal", "uint8", (3,))], [], base=base))
    assert "before any scaling to 0..1" in caught.value.remedy


def test_not_a_number_is_named_or_skipped(tmp_path: Path) -> None:
    base = save(tmp_path, x=np.array([[1, 2, 3], [1, np.nan, 3], [1, 2, np.inf], [4, 5, 6]]))
    with pytest.raises(BadInput, match="NaN") as caught:
        list(open_set("set.npz", [TABLE], [], base=base))
    assert "x[1]" in caught.value.where
    data = open_set("set.npz", [TABLE], [], base=base, skip_bad=True)
    for _ in range(2):
        assert [sample.name for sample in data] == ["x[0]", "x[3]"]
    assert data.skipped == ("x[1]", "x[2]")
    assert len(data) == 4


def test_bad_arrays(tmp_path: Path) -> None:
    base = save(
        tmp_path, images=np.zeros((2, 3)), y=np.zeros(3), one=np.array(1.0), pickled=np.array([{}, {}])
    )
    for ref, problem, remedy in (
        ("set.npz::x=imges", "no array", "images"),
        ("set.npz::x=images", "differ in length", ""),
        ("set.npz::x=pickled", "pickled", ""),
        ("set.npz::x=one", "single value", ""),
        ("set.npz::labls=y", "unknown key", "known"),
        ("set.npz::grup=y", "unknown key", "group"),
        ("other.npz", "no such file", "set.npz"),
    ):
        with pytest.raises(BadInput, match=problem) as caught:
            open_set(ref, [TABLE], [BINARY], base=base)
        assert remedy in caught.value.remedy
    np.savez(tmp_path / "empty.npz", x=np.zeros((0, 3)))
    with pytest.raises(BadInput, match="empty"):
        open_set("empty.npz", [TABLE], [], base=base)


@pytest.mark.parametrize("shape", [(10**7, 10**7), (3, 3), (1, 3), (2, 10**40)])
@pytest.mark.parametrize("fortran", [True, False])
def test_a_header_that_claims_another_length_is_refused(
    tmp_path: Path, shape: tuple[int, ...], fortran: bool
) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": fortran, "shape": shape})
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(4 * 2 * 3))
    for read in (
        lambda: open_set("set.npz", [TABLE], [], base=tmp_path),
        lambda: read_file(tmp_path / "set.npz", [TABLE]),
        lambda: describe("set.npz", base=tmp_path),
    ):
        with pytest.raises(BadInput, match="length is not what its header says"):
            read()


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', b'shape': (1,), 'fortran_order': False}",
        "{[]: 1}",
        "  if x:\n  y\n z",
        "{'descr': '<f4',",
        "{'descr': ('<f4', (99999999999999999999,)), 'fortran_order': False, 'shape': (1,)}",
    ],
)
def test_a_header_that_is_none_is_refused(tmp_path: Path, header: str) -> None:
    """numpy evaluates it: what Python says of it is of many kinds."""
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read"):
        NpyEntry(tmp_path / "a.npz", "x")
    with pytest.raises(BadInput):
        read_file(tmp_path / "a.npy", [InputSpec("x", "float32", (1,))])


def test_groups_are_one_value_a_sample(tmp_path: Path) -> None:
    base = save(
        tmp_path, x=np.zeros((2, 3)), who=np.array([["a", "1"], ["a", "2"]]), one=np.array([["a"], ["b"]])
    )
    with pytest.raises(BadInput, match=r"array 'who' has rows of shape \[2\]"):
        open_set("set.npz::x=x,group=who", [TABLE], [], base=base)
    assert [each.group for each in open_set("set.npz::x=x,group=one", [TABLE], [], base=base)] == ["a", "b"]


def test_two_arrays_of_groups_are_refused_until_one_is_named(tmp_path: Path) -> None:
    base = save(tmp_path, x=np.zeros((2, 3)), group=np.array([1, 2]), patient=np.array(["a", "a"]))
    with pytest.raises(BadInput, match="patients may be in group or patient") as caught:
        open_set("set.npz::x=x", [TABLE], [], base=base)
    assert "group=NAME" in caught.value.remedy
    assert [each.group for each in open_set("set.npz::x=x,group=patient", [TABLE], [], base=base)] == [
        "a",
        "a",
    ]


def test_torn_archives(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 1000), np.uint8)
    np.savez_compressed(tmp_path / "set.npz", x=noise)
    whole = (tmp_path / "set.npz").read_bytes()
    spec = InputSpec("x", "uint8", (1000,))
    (tmp_path / "set.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="cannot be read"):
        open_set("set.npz", [spec], [], base=tmp_path)
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0xFF
    (tmp_path / "set.npz").write_bytes(broken)
    with pytest.raises(BadInput, match="cannot be read"):
        list(open_set("set.npz", [spec], [], base=tmp_path, skip_bad=True))


def test_describe(data_dir: Path) -> None:
    found = describe("pneumoniamnist.npz::x=val_images,y=val_labels", base=data_dir)
    assert (found.inputs, found.classes) == (("val_images",), ("0", "1"))
    array = next(array for array in found.arrays if array.name == "test_images")
    assert (array.shape, array.input_dtype, array.layout) == ((28, 28), "uint8", "HW")
    volumes = describe("hippocampus3d.npz::group=name,y=vol_anterior_mm3", base=data_dir)
    assert (volumes.inputs, volumes.classes) == (("x",), ())
    assert volumes.arrays[0].layout == "DHW"
