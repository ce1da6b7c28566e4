"""A folder per class."""

from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.readers import describe, open_set
from edgemed.types import InputSpec, OutputSpec, Resized

Image = pytest.importorskip("PIL.Image")
GRAY = InputSpec("image", "uint8", (8, 8), "HW")
BINARY = OutputSpec("disease", "binary", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(("normal/a.png", "normal/deep/b.jpg", "sick/c.tif", "sick/d.png")):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 50 * index, np.uint8)).save(path)
    (tmp_path / "set" / "normal" / "Thumbs.db").write_bytes(b"x" * 200)
    (tmp_path / "set" / ".hidden").mkdir()
    return tmp_path


def test_classes_are_folders(folder: Path) -> None:
    data = open_set("set", [GRAY], [BINARY], base=folder)
    found = [(sample.name, int(sample.targets["disease"])) for sample in data]
    assert found == [("normal/a.png", 0), ("normal/deep/b.jpg", 0), ("sick/c.tif", 1), ("sick/d.png", 1)]
    assert len(data) == 4
    assert data.labelled
    assert data.notes == ("1 files of other types lie in the folder and were left out",)


def test_targets_come_without_samples(folder: Path) -> None:
    (folder / "set/normal/a.png").write_bytes(b"no picture")
    data = open_set("set::rows=0:3", [GRAY], [BINARY], base=folder)
    found = [(name, int(each["disease"])) for name, each in data.targets()]
    assert found == [("normal/a.png", 0), ("normal/deep/b.jpg", 0), ("sick/c.tif", 1)]
    assert list(open_set("set::rows=3:", [GRAY], [], base=folder).targets()) == [("sick/d.png", {})]


def test_classes_in_the_order_of_the_labels(folder: Path) -> None:
    output = OutputSpec("disease", "binary", 1, ("sick", "normal"))
    assert [int(s.targets["disease"]) for s in open_set("set", [GRAY], [output], base=folder)] == [1, 1, 0, 0]
    with pytest.raises(BadInput, match="'normal' is no class") as caught:
        open_set("set", [GRAY], [OutputSpec("disease", "binary", 1, ("norml", "sick"))], base=folder)
    assert "norml" in caught.value.remedy


def test_names_of_classes_are_told_where_they_decide_the_order(folder: Path) -> None:
    assert open_set("set", [GRAY], [BINARY], base=folder).classes == {"disease": ("normal", "sick")}
    named = OutputSpec("disease", "binary", 1, ("sick", "normal"))
    assert open_set("set", [GRAY], [named], base=folder).classes == {}
    assert open_set("set", [GRAY], [], base=folder).classes == {}


def test_numbered_class_folders_count_by_value(tmp_path: Path) -> None:
    for number in range(11):
        (tmp_path / str(number)).mkdir()
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(tmp_path / str(number) / "a.png")
    data = open_set(".", [GRAY], [OutputSpec("digit", "multiclass", 11)], base=tmp_path)
    assert all(int(each.targets["digit"]) == each.inputs["image"][0, 0] for each in data)


def test_class_folders_numbered_from_one_are_refused(folder: Path) -> None:
    """BI-RADS 1 to 2: in a CSV or an archive, 1 is the second class."""
    for old, new in (("normal", "1"), ("sick", "2")):
        (folder / "set" / old).rename(folder / "set" / new)
    with pytest.raises(BadInput, match="folder '1' would be class 0") as caught:
        open_set("set", [GRAY], [BINARY], base=folder)
    assert "labels = [...] under [outputs.disease]" in caught.value.remedy


def test_resized_pictures_are_counted(folder: Path) -> None:
    Image.new("L", (20, 16)).save(folder / "set" / "sick" / "d.png")
    Image.new("L", (9, 8)).save(folder / "set" / "sick" / "c.tif")
    (folder / "set" / "sick" / "e.png").write_bytes(b"no picture")
    data = open_set("set", [GRAY], [BINARY], base=folder, skip_bad=True)
    for _ in range(2):
        assert len(list(data)) == 4
        assert data.resized == (Resized("image", 2, "8x9", "8x8"),)
    assert any("other sizes were brought to 8x8 (Pillow" in note for note in data.notes)


def test_flat_folder_and_calibration_have_no_labels(folder: Path) -> None:
    flat = open_set("set/sick", [GRAY], [BINARY], base=folder)
    assert not flat.labelled
    assert [sample.targets for sample in flat] == [{}, {}]
    assert not open_set("set", [GRAY], [], base=folder).labelled


def test_unreadable_picture_is_named_or_skipped(folder: Path) -> None:
    path = folder / "set" / "sick" / "c.tif"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadInput, match="cannot be read") as caught:
        list(open_set("set", [GRAY], [BINARY], base=folder))
    assert caught.value.where == "sick/c.tif in set"
    assert "edgemed compile --skip-bad" in caught.value.remedy
    data = open_set("set", [GRAY], [BINARY], base=folder, skip_bad=True)
    assert [sample.name for sample in data] == ["normal/a.png", "normal/deep/b.jpg", "sick/d.png"]
    assert data.skipped == ("sick/c.tif",)


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match="none of 1"):
        list(open_set(".", [GRAY], [], base=tmp_path, skip_bad=True))


def test_bad_folders(folder: Path) -> None:
    three = OutputSpec("disease", "multiclass", 3)
    with pytest.raises(BadInput, match="2 class folders"):
        open_set("set", [GRAY], [three], base=folder)
    with pytest.raises(BadInput, match="binary or multiclass"):
        open_set("set", [GRAY], [OutputSpec("volume", "regression", 1)], base=folder)
    with pytest.raises(BadInput, match="unknown key"):
        open_set("set::label=a", [GRAY], [BINARY], base=folder)
    with pytest.raises(BadInput, match="fills one input"):
        open_set("set", [GRAY, InputSpec("age", "float32", (1,))], [BINARY], base=folder)
    Image.new("L", (8, 8)).save(folder / "set" / "stray.png")
    with pytest.raises(BadInput, match="beside"):
        open_set("set", [GRAY], [BINARY], base=folder)
    (folder / "empty").mkdir()
    with pytest.raises(BadInput, match="empty"):
        open_set("empty", [GRAY], [BINARY], base=folder)
    (folder / "set" / "none").mkdir()
    with pytest.raises(BadInput, match="holds no file"):
        open_set("set", [GRAY], [three], base=folder)


def test_describe(folder: Path) -> None:
    found = describe("set", base=folder)
    assert found.classes == ("normal", "sick")
    assert (found.arrays[0].shape, found.arrays[0].layout, found.arrays[0].input_dtype) == (
        (8, 8),
        "HW",
        "uint8",
    )
