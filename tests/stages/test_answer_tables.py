"""Two CSVs of answers: paired by the names of their cases, and refused where they do not pair up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.stages.answer_tables import OUTPUT, Answers, read_answers

ORIGINAL = "case,score,target\na,0.9,1\nb,0.2,0\nc,0.7,1\n"
ARTEFACT = "case,score\na,0.8\nb,0.3\nc,0.4\n"


@pytest.fixture
def read(tmp_path: Path):
    def pair(original: str = ORIGINAL, artefact: str = ARTEFACT, **options) -> Answers:
        (tmp_path / "o.csv").write_text(original)
        (tmp_path / "a.csv").write_text(artefact)
        given = {"kind": None, "threshold": 0.5, **options}
        return read_answers(tmp_path / "o.csv", tmp_path / "a.csv", **given)

    return pair


def test_a_binary_table_is_read(read):
    found = read()
    assert (found.output.kind, found.output.columns, found.output.threshold) == ("binary", 1, 0.5)
    assert found.pairs.names == ("a", "b", "c")
    assert found.pairs.original[OUTPUT].tolist() == [[0.9], [0.2], [0.7]]
    assert found.pairs.artefact[OUTPUT].tolist() == [[0.8], [0.3], [0.4]]
    assert found.pairs.targets[OUTPUT].tolist() == [1, 0, 1]
    assert found.pairs.groups is None
    assert found.notes == ()


def test_rows_in_another_order_are_paired_by_name_and_told(read):
    found = read(artefact="case,score\nc,0.4\na,0.8\nb,0.3\n")
    assert found.pairs.artefact[OUTPUT].tolist() == [[0.8], [0.3], [0.4]]
    assert "another order: paired by the names" in found.notes[0]


def test_columns_in_another_order_are_paired_by_name(read):
    found = read(
        "case,p.cat,p.dog,p.cow,target\na,.2,.3,.5,cow\nb,.6,.3,.1,0\n",
        "case,p.dog,p.cow,p.cat\na,.3,.5,.2\nb,.3,.1,.6\n",
    )
    assert found.output.kind == "multiclass"
    assert found.output.labels == ("cat", "dog", "cow")
    assert np.array_equal(found.pairs.original[OUTPUT], found.pairs.artefact[OUTPUT])
    assert found.pairs.targets[OUTPUT].tolist() == [2, 0]


def test_a_target_for_each_column_makes_them_labels(read):
    found = read(
        "case,p.mass,p.fluid,target.mass,target.fluid\na,.9,.8,1,1\nb,.1,.7,0,1\n",
        "case,p.mass,p.fluid\na,.9,.8\nb,.1,.7\n",
    )
    assert found.output.kind == "multilabel"
    assert found.pairs.targets[OUTPUT].tolist() == [[1, 1], [0, 1]]


def test_values_are_read_where_they_are_said_to_be_values(read):
    found = read("case,score,target\na,70,71.5\nb,-3,2\n", "case,score\na,71\nb,-4\n", kind="regression")
    assert found.output.kind == "regression"
    assert found.pairs.targets[OUTPUT].tolist() == [[71.5], [2.0]]


def test_groups_and_subgroups_come_from_the_original(read):
    found = read(
        "case,score,target,patient,site,age\na,.9,1,p1,A,5\nb,.2,0,p2,A,6\nc,.7,1,p1,B,7\n", by=("site",)
    )
    assert found.pairs.groups.tolist() == [0, 1, 0]
    assert list(found.pairs.strata["site"]) == ["A", "A", "B"]
    assert "not used: age" in found.notes[0]


def test_a_case_without_a_group_stands_for_itself_and_is_counted(read):
    found = read("case,score,target,group\na,.9,1,x\nb,.2,0,\nc,.7,1,x\n")
    assert found.pairs.groups.tolist() == [0, 1, 0]
    assert "1 cases have no group" in found.notes[0]


def test_targets_in_both_files_may_be_written_otherwise(read):
    assert read(artefact="case,score,target\na,0.8,1.0\nb,0.3,0\nc,0.4,1\n").pairs.names == ("a", "b", "c")


LABELS = "case,p.x,p.y,target.x,target.y\na,.5,.5,1,0\n"
CLASSES = "case,p.x,p.y,target\na,.5,.5,x\n"

BAD = {
    "twice": (ORIGINAL + "a,0.1,0\n", ARTEFACT, {}, ("case 'a' is there twice", "row 4")),
    "missing": (ORIGINAL, "case,score\na,0.8\nb,0.3\n", {}, ("1 of 3 cases", "missing: 'c'", "a.csv")),
    "more": (ORIGINAL, ARTEFACT + "d,.5\n", {}, ("1 of 4 cases", "'d'", "o.csv")),
    "nameless": (ORIGINAL, ARTEFACT + ",.5\n", {}, ("a case without a name", "row 4")),
    "no case": ("name,score,target\na,.5,1\n", ARTEFACT, {}, ("no column 'case'", "o.csv")),
    "no score": ("case,scor,target\na,.5,1\n", ARTEFACT, {}, ("no column of scores",)),
    "both": ("case,score,p.x,target\na,.5,.5,1\n", ARTEFACT, {}, ("both 'score' and p.NAME",)),
    "no rows": ("case,score,target\n", ARTEFACT, {}, ("no cases",)),
    "no targets": ("case,score\na,.9\nb,.2\nc,.7\n", ARTEFACT, {}, ("no targets", "target")),
    "NaN": (ORIGINAL, ARTEFACT.replace("0.3", "nan"), {}, ("score of case 'b' is nan", "a.csv")),
    "infinite": (ORIGINAL.replace("0.7", "inf"), ARTEFACT, {}, ("case 'c' is inf", "o.csv")),
    "empty": (ORIGINAL, ARTEFACT.replace("0.3", ""), {}, ("score of case 'b' is '', not a number",)),
    "comma": (
        ORIGINAL.replace(",", ";"), ARTEFACT.replace(",", ";").replace("0.3", "0,3"), {},
        ("'0,3', not a number", "decimals with a point"),
    ),
    "logit": (ORIGINAL.replace("0.9", "3.5"), ARTEFACT, {}, ("case 'a' is 3.5, no probability", "logits")),
    "target 2": (ORIGINAL.replace("0.2,0", "0.2,2"), ARTEFACT, {}, ("target of case 'b' is 2, not 0 or 1",)),
    "other target": (
        ORIGINAL, "case,score,target\na,0.8,1\nb,0.3,1\nc,0.4,0\n", {},
        ("another target for case 'b': 1, and 0", "2 of 3 differ"),
    ),
    "other group": (
        "case,score,target,group\na,.9,1,x\nb,.2,0,y\n", "case,score,group\na,.9,x\nb,.2,z\n", {},
        ("another group for case 'b': z, and y",),
    ),
    "sum": (CLASSES.replace(".5,.5", ".5,.9"), "case,p.x,p.y\na,.5,.5\n", {}, ("'a' add up to 1.4",)),
    "class": (CLASSES.replace(",x\n", ",z\n"), "case,p.x,p.y\na,.5,.5\n", {}, ("'z', no class", "x, y")),
    "other columns": (CLASSES, "case,p.x,p.z\na,.5,.5\n", {}, ("other columns", "p.x, p.y")),
    "label column": (
        LABELS.replace(",target.y", ",t.y"), "case,p.x,p.y\na,.5,.5\n", {}, ("no column 'target.y'",)
    ),
    "kind": (
        ORIGINAL, ARTEFACT, {"kind": "multiclass"}, ("--kind multiclass does not fit", "binary or regression")
    ),
    "one class": (
        "case,p.x,target\na,1,x\n", "case,p.x\na,1\n", {}, ("one class only", "one column score")
    ),
    "by": (ORIGINAL, ARTEFACT, {"by": ("site",)}, ("no column 'site'",)),
    "by nothing": (ORIGINAL, ARTEFACT, {"by": ("",)}, ("no column ''",)),
    "by target": (ORIGINAL, ARTEFACT, {"by": ("target",)}, ("'target' names no subgroups", "--by")),
    "by twice": (
        ORIGINAL.replace("target", "target,site").replace("\n", ",x\n").replace("site,x", "site"), ARTEFACT,
        {"by": ("site", "site")}, ("'site' is given twice",),
    ),
    "values": (ORIGINAL.replace("0.2,0", "0.2,61.5"), ARTEFACT, {}, ("not 0 or 1", "--kind regression")),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_pair_up_is_refused_by_name(name, read):
    original, artefact, options, told = BAD[name]
    with pytest.raises(BadInput) as caught:
        read(original, artefact, **options)
    for words in told:
        assert words in str(caught.value), str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        read_answers(tmp_path / "o.csv", tmp_path / "a.csv", kind=None, threshold=0.5)


def test_groups_that_only_the_artefacts_file_has_are_taken(read):
    found = read(artefact="case,score,patient\na,.9,x\nb,.2,y\nc,.7,x\n")
    assert found.pairs.groups.tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", ["Patient", "GROUP"])
def test_groups_are_found_whatever_the_case_of_their_column(read, name):
    found = read(f"case,score,target,{name}\na,.9,1,x\nb,.2,0,y\nc,.7,1,x\n")
    assert found.pairs.groups.tolist() == [0, 1, 0]
    assert found.notes == ()


def test_class_numbers_of_a_column_with_gaps_are_read(read):
    found = read("case,p.x,p.y,target\na,.5,.5,1.0\nb,.5,.5,0\n", "case,p.x,p.y\na,.5,.5\nb,.5,.5\n")
    assert found.pairs.targets[OUTPUT].tolist() == [1, 0]


def test_two_columns_of_patients_are_refused(read):
    with pytest.raises(BadInput, match="patients may be in group or patient"):
        read("case,score,target,group,patient\na,.9,1,x,1\nb,.2,0,y,2\nc,.7,1,x,1\n")
