"""Strata: what a case belongs to beside its group, by the columns that the reference names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.readers import describe, open_set
from edgemed.types import InputSpec, OutputSpec, SampleSet

TABLE = InputSpec("table", "float32", (2,))
ILL = OutputSpec("ill", "binary", 1)
WANTED = [{"site": "Oslo", "age": "63"}, {"site": "", "age": "5.5"}, {"site": "Rome", "age": ""}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set.csv").write_text(
        "weight,height,label,patient,site,age,a+b\n60,1.7,0,p1,Oslo,63.0,x\n61,1.6,1,p2,,5.5,y\n62,1.5,0,p3,Rome,,z\n"
    )
    arrays = {
        "x": np.ones((3, 2), np.float32),
        "y": np.array([0, 1, 0]),
        "patient": np.array(["p1", "p2", "p3"]),
        "site": np.array(["Oslo", "", "Rome"]),
        "age": np.array([63.0, 5.5, np.nan]),
        "a+b": np.array(["x", "y", "z"]),
        "wide": np.ones((3, 2)),
        "short": np.ones(2),
    }
    np.savez(tmp_path / "set.npz", **arrays)  # type: ignore[arg-type]
    return tmp_path


def _open(folder: Path, file: str, keys: str, outputs: list[OutputSpec] | None = None) -> SampleSet:
    inputs = "table=weight+height," if file == "set.csv" else ""
    return open_set(f"{file}::{inputs}{keys}", [TABLE], outputs or [], base=folder)


@pytest.mark.parametrize("file", ["set.csv", "set.npz"])
@pytest.mark.parametrize("outputs", [[], [ILL]], ids=["unlabelled", "labelled"])
def test_strata_are_text_under_their_columns_names(
    folder: Path, file: str, outputs: list[OutputSpec]
) -> None:
    samples = list(_open(folder, file, "by=site+age", outputs))
    assert [sample.strata for sample in samples] == WANTED
    assert [sample.group for sample in samples] == ["p1", "p2", "p3"]
    assert [set(sample.targets) for sample in samples] == [{"ill"} if outputs else set()] * 3


@pytest.mark.parametrize("file", ["set.csv", "set.npz"])
def test_none_are_read_where_none_is_named(folder: Path, file: str) -> None:
    assert [sample.strata for sample in _open(folder, file, "rows=:2")] == [{}, {}]


@pytest.mark.parametrize("file", ["set.csv", "set.npz"])
def test_a_column_with_a_plus_in_its_name_is_one_column(folder: Path, file: str) -> None:
    assert next(iter(_open(folder, file, "by=a+b"))).strata == {"a+b": "x"}


@pytest.mark.parametrize(
    ("file", "keys", "problem", "remedy"),
    [
        ("set.csv", "by=site+agee", "no column 'agee'", "did you mean 'age'"),
        ("set.npz", "by=sit", "no array 'sit'", "did you mean 'site'"),
        ("set.npz", "by=wide", "a subgroup is one value a sample", "by=A+B"),
        ("set.npz", "x=x,by=short", "differ in length: x 3, patient 3, short 2", ""),
    ],
)
def test_columns_that_are_not_there_are_refused(
    folder: Path, file: str, keys: str, problem: str, remedy: str
) -> None:
    with pytest.raises(BadInput) as refused:
        _open(folder, file, keys)
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy


def test_a_description_takes_no_stratum_for_an_input(folder: Path) -> None:
    assert "age" in describe("set.csv", base=folder).inputs
    assert "age" not in describe("set.csv::by=site+age", base=folder).inputs
    assert describe("set.npz::x=x,by=site+age", base=folder).inputs == ("x",)
