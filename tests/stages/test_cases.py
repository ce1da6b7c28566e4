"""cases.csv: every case with both answers, as they were, in a form that other programs read."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput, ToolFailure
from edgemed.judge import agreement
from edgemed.stages.cases import write_cases
from edgemed.types import OutputSpec

FINDING = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"), threshold=0.4)
ORGAN = OutputSpec("organ", "multiclass", 3, ("liver", "kidney", "spleen"))
SIGNS = OutputSpec("signs", "multilabel", 2, ("edema", "nodule"))
AGE = OutputSpec("age", "regression", 1, unit="years")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_a_row_has_both_answers_both_decisions_and_the_flip(tmp_path: Path):
    path = tmp_path / "cases.csv"
    original, artefact = {"finding": column(0.39, 0.8)}, {"finding": column(0.4, 0.7)}
    write_cases(
        path, [FINDING], ["a", "b"], original, {"openvino-int8": artefact}, {"finding": np.array([0, 1])},
        ["p1", None],
    )  # fmt: skip
    assert path.read_bytes().startswith(b"artefact,output,label,case,group,target,original_score,")
    assert read(path) == [
        {
            "artefact": "openvino-int8", "output": "finding", "label": "", "case": "a", "group": "p1",
            "target": "clear", "original_score": "0.389999986", "artefact_score": "0.400000006",
            "original_decision": "clear", "artefact_decision": "pneumonia", "flipped": "1",
        },
        {
            "artefact": "openvino-int8", "output": "finding", "label": "", "case": "b", "group": "",
            "target": "pneumonia", "original_score": "0.800000012", "artefact_score": "0.699999988",
            "original_decision": "pneumonia", "artefact_decision": "pneumonia", "flipped": "0",
        },
    ]  # fmt: skip


def test_scores_come_back_as_they_were_and_flips_are_those_of_the_report(tmp_path: Path):
    random = np.random.default_rng(0)
    before = random.random((300, 1)).astype(np.float32)
    after = np.clip(before + random.normal(0, 0.05, (300, 1)), 0, 1).astype(np.float32)
    names = [f"case {number}" for number in range(300)]
    write_cases(tmp_path / "c.csv", [FINDING], names, {"finding": before}, {"x": {"finding": after}}, {})
    rows = read(tmp_path / "c.csv")
    assert np.array_equal(np.array([row["original_score"] for row in rows], np.float32), before[:, 0])
    assert np.array_equal(np.array([row["artefact_score"] for row in rows], np.float32), after[:, 0])
    flips = agreement(FINDING, before, after, None, names).flips
    assert [row["case"] for row in rows if row["flipped"] == "1"] == [flip.case for flip in flips]
    assert {row["target"] for row in rows} == {""}


def test_classes_labels_and_values_have_rows_of_their_own(tmp_path: Path):
    before = {
        "organ": np.array([[0.6, 0.3, 0.1]]), "signs": np.array([[0.9, 0.1]]), "age": np.array([[41.5]]),
    }  # fmt: skip
    after = {
        "organ": np.array([[0.4, 0.5, 0.1]]), "signs": np.array([[0.9, 0.7]]), "age": np.array([[41.25]]),
    }  # fmt: skip
    targets = {"organ": np.array([1]), "signs": np.array([[1, 0]]), "age": np.array([40.0])}
    write_cases(tmp_path / "c.csv", [ORGAN, SIGNS, AGE], ["a"], before, {"x": after, "y": before}, targets)
    rows = [list(row.values()) for row in read(tmp_path / "c.csv")]
    assert [row[1:3] + row[5:] for row in rows if row[0] == "x"] == [
        ["organ", "liver", "kidney", "0.6", "0.4", "liver", "kidney", "1"],
        ["organ", "kidney", "kidney", "0.3", "0.5", "liver", "kidney", "1"],
        ["organ", "spleen", "kidney", "0.1", "0.1", "liver", "kidney", "1"],
        ["signs", "edema", "positive", "0.9", "0.9", "positive", "positive", "0"],
        ["signs", "nodule", "negative", "0.1", "0.7", "negative", "positive", "1"],
        ["age", "", "40", "41.5", "41.25", "", "", ""],
    ]
    assert [row[-1] for row in rows if row[0] == "y"] == ["0", "0", "0", "0", "0", ""]


def test_names_with_commas_quotes_and_line_breaks_come_back(tmp_path: Path):
    names = ['x, "y"', "new\nline", "Müller/ärm.png"]
    answers = {"finding": column(0.1, 0.2, 0.3)}
    write_cases(tmp_path / "c.csv", [FINDING], names, answers, {"x": answers}, {})
    assert [row["case"] for row in read(tmp_path / "c.csv")] == names


def test_what_does_not_fit_or_cannot_be_written_leaves_what_was_there(tmp_path: Path):
    path = tmp_path / "c.csv"
    path.write_text("before")
    with pytest.raises(BadInput, match="predictions have shape"):
        write_cases(path, [ORGAN], ["a"], {"organ": column(1)}, {"x": {"organ": column(1)}}, {})
    assert [each.name for each in tmp_path.iterdir()] == ["c.csv"]
    assert path.read_text() == "before"
    answers = {"finding": column(0.1)}
    with pytest.raises(ToolFailure, match="cannot write"):
        write_cases(tmp_path / "no" / "c.csv", [FINDING], ["a"], answers, {"x": answers}, {})
