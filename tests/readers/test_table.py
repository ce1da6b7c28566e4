"""CSV sets: files, numbers, labels and groups."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.readers import describe, open_set
from edgemed.types import InputSpec, OutputSpec

Image = pytest.importorskip("PIL.Image")
GRAY = InputSpec("image", "uint8", (8, 8), "HW")
BINARY = OutputSpec("disease", "binary", 1, ("normal", "sick"))
CASES = """path,label,patient,age,table.0,table.1
img/a.png,normal,p1,50,1,2
"img/b.png",sick,p2,61.5,3,4

img/c.png,1,p2,70,5,6
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "img").mkdir()
    for index, name in enumerate("abc"):
        Image.fromarray(np.full((8, 8), index, np.uint8)).save(tmp_path / "img" / f"{name}.png")
    (tmp_path / "cases.csv").write_text(CASES, encoding="utf-8-sig")
    return tmp_path


def test_pictures_labels_and_groups(folder: Path) -> None:
    data = open_set("cases.csv", [GRAY], [BINARY], base=folder)
    samples = list(data)
    assert [sample.name for sample in samples] == ["img/a.png", "img/b.png", "img/c.png"]
    assert [int(sample.targets["disease"]) for sample in samples] == [0, 1, 1]
    assert [sample.group for sample in samples] == ["p1", "p2", "p2"]
    assert [int(sample.inputs["image"].max()) for sample in samples] == [0, 1, 2]
    assert len(data) == 3


def test_picture_and_table_fusion(folder: Path) -> None:
    table = InputSpec("table", "float32", (2,))
    by_prefix = list(open_set("cases.csv", [GRAY, table], [BINARY], base=folder))
    assert [sample.inputs["table"].tolist() for sample in by_prefix] == [[1, 2], [3, 4], [5, 6]]
    by_key = list(open_set("cases.csv::table=age+table.0,rows=1:", [GRAY, table], [BINARY], base=folder))
    assert [sample.inputs["table"].tolist() for sample in by_key] == [[61.5, 3], [70, 5]]


def test_table_alone_with_two_heads(folder: Path) -> None:
    heads = [OutputSpec("score", "regression", 2), BINARY]
    ref = "cases.csv::table=age,y.score=table.0+table.1,y.disease=label"
    samples = list(open_set(ref, [InputSpec("table", "float32", (1,))], heads, base=folder))
    assert samples[1].targets["score"].tolist() == [3, 4]
    assert samples[1].name == "cases.csv[1]"


def test_label_key_is_passed_over_where_no_labels_are_asked_for(folder: Path) -> None:
    data = open_set("cases.csv::label=label", [GRAY], [], base=folder)
    assert not data.labelled
    assert len(list(data)) == 3


def test_targets_come_without_samples(folder: Path) -> None:
    (folder / "img/b.png").write_bytes(b"no picture")
    data = open_set("cases.csv", [GRAY], [BINARY], base=folder)
    found = [(name, int(each["disease"])) for name, each in data.targets()]
    assert found == [("img/a.png", 0), ("img/b.png", 1), ("img/c.png", 1)]
    (folder / "twice.csv").write_text("path,label\nimg/a.png,0\nimg/a.png,1\n")
    twice = open_set("twice.csv", [GRAY], [BINARY], base=folder)
    assert [name for name, _ in twice.targets()] == [sample.name for sample in twice]


def test_labels_that_are_named_are_checked_where_none_are_asked_for(folder: Path) -> None:
    for key in ("label", "y.disease"):
        with pytest.raises(BadInput, match="no column 'lable'"):
            open_set(f"cases.csv::{key}=lable", [GRAY], [], base=folder)


def test_signals_in_files(folder: Path) -> None:
    np.save(folder / "s.npy", np.arange(10.0))
    (folder / "signals.csv").write_text("file\ns.npy\n")
    spec = InputSpec("signal", "float32", (1, 10), "CL")
    sample = next(iter(open_set("signals.csv::path=file", [spec], [], base=folder)))
    assert sample.inputs["signal"].tolist() == [list(range(10))]


def test_a_missing_file_is_found_at_opening_or_skipped(folder: Path) -> None:
    (folder / "img" / "b.png").unlink()
    with pytest.raises(BadInput, match=r"no such file: 'img/b\.png'") as caught:
        open_set("cases.csv", [GRAY], [BINARY], base=folder)
    assert "row 2" in caught.value.where
    assert "edgemed compile --skip-bad" in caught.value.remedy
    data = open_set("cases.csv", [GRAY], [BINARY], base=folder, skip_bad=True)
    assert len(list(data)) == 2
    assert data.skipped == ("img/b.png",)


@pytest.mark.parametrize(
    ("text", "ref", "problem"),
    [
        ("path,label\nimg/a.png,2\n", "bad.csv", "outside the classes"),
        ("path,label\nimg/a.png,sik\n", "bad.csv", "no class"),
        ("path,label\nimg/a.png\n", "bad.csv", "1 fields for 2 columns"),
        ("path,path\nimg/a.png,0\n", "bad.csv", "twice"),
        ("path,label\n", "bad.csv", "empty"),
        ("", "bad.csv", "empty"),
        ("file,label\nimg/a.png,0\n", "bad.csv", "no column 'path'"),
        ("path,label\nimg/a.png,0\n", "bad.csv::label=lable", "no column"),
        ("path,label\nimg/a.png,0\n", "bad.csv::lable=label", "unknown key"),
    ],
)
def test_bad_tables(folder: Path, text: str, ref: str, problem: str) -> None:
    (folder / "bad.csv").write_text(text)
    with pytest.raises(BadInput, match=problem):
        open_set(ref, [GRAY], [BINARY], base=folder)


@pytest.mark.parametrize(
    ("header", "key"), [("Path,label", "path=Path"), ("path,LABEL", "label=LABEL"),
                        ("path,Disease", "label=Disease")],
)  # fmt: skip
def test_a_column_in_other_letter_case_is_suggested(folder: Path, header: str, key: str) -> None:
    rows = ("img/a.png,0", "img/b.png,1")
    (folder / "near.csv").write_text("\n".join([header, *rows]))
    with pytest.raises(BadInput, match="letter case") as caught:
        open_set("near.csv", [GRAY], [BINARY], base=folder)
    assert f"add {key} " in caught.value.remedy
    samples = list(open_set(f"near.csv::{key}", [GRAY], [BINARY], base=folder))
    assert [int(sample.targets["disease"]) for sample in samples] == [0, 1]


@pytest.mark.parametrize(("header", "ref"), [("path,Image,label", ""), ("file,Image,label", "::path=file")])
def test_a_column_near_an_inputs_name_is_not_missed_where_a_path_fills_it(folder, header, ref) -> None:
    (folder / "near.csv").write_text(f"{header}\nimg/a.png,7,0\nimg/b.png,8,1\n")
    assert len(list(open_set(f"near.csv{ref}", [GRAY], [BINARY], base=folder))) == 2


@pytest.mark.parametrize(("ref", "groups"), [("", {None}), ("::group=Patient", {"p1", "p2"})])
def test_a_column_near_a_groups_name_is_told(folder: Path, ref: str, groups: set[str | None]) -> None:
    (folder / "near.csv").write_text("path,label,Patient\nimg/a.png,0,p1\nimg/b.png,1,p2\n")
    data = open_set(f"near.csv{ref}", [GRAY], [BINARY], base=folder)
    assert {sample.group for sample in data} == groups
    assert ["add group=Patient" in doubt for doubt in data.doubts] == ([] if ref else [True])


def test_a_wrong_key_finds_the_near_column_in_any_letter_case(folder: Path) -> None:
    with pytest.raises(BadInput) as caught:
        open_set("cases.csv::label=LABELS", [GRAY], [BINARY], base=folder)
    assert caught.value.remedy == "did you mean 'label'?"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs(folder: Path, separator: str) -> None:
    text = CASES.replace(",", separator).replace("age", '"age, in ,,,,,,,,, years"')
    (folder / "other.csv").write_text(text, encoding="utf-8-sig")
    table = InputSpec("table", "float32", (2,))
    samples = list(open_set("other.csv", [GRAY, table], [BINARY], base=folder))
    assert [sample.name for sample in samples] == ["img/a.png", "img/b.png", "img/c.png"]
    assert [sample.inputs["table"].tolist() for sample in samples] == [[1, 2], [3, 4], [5, 6]]
    assert describe("other.csv", base=folder).classes == ("1", "normal", "sick")


@pytest.mark.parametrize("ref", ["comma.csv::y.age=age", "comma.csv::table=age"])
def test_decimal_commas_are_refused(folder: Path, ref: str) -> None:
    (folder / "comma.csv").write_text("path;age;table\nimg/a.png;50,5;1\n")
    inputs, age = [GRAY, InputSpec("table", "float32", (1,))], OutputSpec("age", "regression", 1)
    with pytest.raises(BadInput, match="not a number") as caught:
        list(open_set(ref, inputs, [age] if "y.age" in ref else [], base=folder))
    assert caught.value.remedy == "write decimals with a point"


def test_bad_numbers(folder: Path) -> None:
    spec = InputSpec("table", "float32", (1,))
    for cell, problem in (("nan", "NaN"), ("high", "not a number"), ("", "not a number"), ("1e40", "beyond")):
        (folder / "bad.csv").write_text(f"table,label\n1,0\n{cell},1\n")
        with pytest.raises(BadInput, match=problem) as caught:
            list(open_set("bad.csv", [spec], [BINARY], base=folder))
        assert "bad.csv[1]" in caught.value.where


def test_not_text(folder: Path) -> None:
    (folder / "bad.csv").write_bytes(b"path,label\nimg/\xff.png,0\n")
    with pytest.raises(BadInput, match="cannot be read"):
        open_set("bad.csv", [GRAY], [BINARY], base=folder)


def test_describe(folder: Path) -> None:
    found = describe("cases.csv", base=folder)
    assert found.classes == ("1", "normal", "sick")
    assert [array.name for array in found.arrays] == ["path", "age", "table.0", "table.1"]
    assert found.arrays[0].layout == "HW"


def test_names_as_labels_need_the_order_of_the_classes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,label\n3,sick\n4,normal\n")
    age = InputSpec("age", "float32", (1,))
    with pytest.raises(BadInput, match="'sick' is no class") as caught:
        open_set("a.csv", [age], [OutputSpec("disease", "binary", 1)], base=tmp_path)
    assert "labels = [...] under [outputs.disease]" in caught.value.remedy


def test_two_columns_are_no_group(folder: Path) -> None:
    with pytest.raises(BadInput, match="a group is one column, not 2"):
        open_set("cases.csv::group=patient+age", [GRAY], [BINARY], base=folder)


def test_rows_that_share_a_file_are_told_apart(folder: Path) -> None:
    rows = "img/a.png,0,1\nimg/none.png,0,2\nimg/b.png,0,3\nimg/none.png,1,4\nimg/a.png,1,5\n"
    (folder / "shared.csv").write_text(f"path,label,age\n{rows}")
    age = InputSpec("age", "float32", (1,))
    data = open_set("shared.csv::rows=1:", [GRAY, age], [BINARY], base=folder, skip_bad=True)
    for _ in range(2):
        assert [sample.name for sample in data] == ["img/b.png", "img/a.png"]
        assert data.skipped == ("img/none.png (row 2)", "img/none.png (row 4)")
    every = open_set("shared.csv", [GRAY, age], [BINARY], base=folder, skip_bad=True)
    assert [sample.name for sample in every] == ["img/a.png (row 1)", "img/b.png", "img/a.png (row 5)"]


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.full((4, 4), "high"), "are not numbers"),
        (np.ones((4, 4), np.complex64), "complex"),
        (np.zeros((0, 4)), "no values"),
    ],
)
def test_arrays_that_hold_no_numbers_are_named_or_skipped(folder: Path, array: Any, problem: str) -> None:
    np.save(folder / "bad.npy", array)
    np.save(folder / "mask.npy", np.eye(16, dtype=bool))
    (folder / "masks.csv").write_text("path\nbad.npy\nmask.npy\n")
    with pytest.raises(BadInput, match=problem):
        list(open_set("masks.csv", [GRAY], [], base=folder))
    data = open_set("masks.csv", [GRAY], [], base=folder, skip_bad=True)
    (sample,) = data
    assert data.skipped == ("bad.npy",)
    assert sample.inputs["image"].shape == (8, 8)
    assert set(np.unique(sample.inputs["image"])) <= {0, 1}


@pytest.mark.parametrize(
    ("written", "group"),
    [("5", "5"), ("5.0", "5"), (" 5.00 ", "5"), ("05", "05"), ("5.5", "5.5"), ("", None), ("nan", None)],
)
def test_groups_are_alike_in_every_writing(tmp_path: Path, written: str, group: str | None) -> None:
    (tmp_path / "cases.csv").write_text(f"age,patient\n50,{written}\n")
    (sample,) = open_set("cases.csv", [InputSpec("age", "float32", (1,))], [], base=tmp_path)
    assert sample.group == group


def test_two_columns_of_groups_are_refused_until_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("age,patient,group\n50,a,1\n")
    age = InputSpec("age", "float32", (1,))
    with pytest.raises(BadInput, match="patients may be in patient or group"):
        open_set("cases.csv", [age], [], base=tmp_path)
    (sample,) = open_set("cases.csv::group=group", [age], [], base=tmp_path)
    assert sample.group == "1"


def test_groups_of_bytes_are_those_of_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.ones((2, 1), np.float32), patient=np.array([b"P1", b"5.0"]))
    samples = list(open_set("set.npz", [InputSpec("x", "float32", (1,))], [], base=tmp_path))
    assert [sample.group for sample in samples] == ["P1", "5"]


def test_a_group_that_a_float_cannot_hold_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.ones((1, 1), np.float32), patient=np.array([1.2345678901234567e16]))
    with pytest.raises(BadInput, match="holds whole numbers up to") as caught:
        list(open_set("set.npz", [InputSpec("x", "float32", (1,))], [], base=tmp_path))
    assert "as text" in caught.value.remedy


def test_groups_of_an_archive_are_those_of_a_table(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.ones((3, 1), np.float32), patient=np.array([5.0, np.nan, 6.5]))
    samples = list(open_set("set.npz", [InputSpec("x", "float32", (1,))], [], base=tmp_path))
    assert [sample.group for sample in samples] == ["5", None, "6.5"]
