"""The ledger tells how often an acceptance set was opened, and cannot lose a line to a crash or a typo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgemed.errors import BadInput
from edgemed.stages.ledger import LEDGER_FILE, close_acceptance, open_acceptance, read_ledger
from edgemed.types import JudgeSpec, Margins, Opening

DATA, OTHER = "a" * 64, "b" * 64


def _open(out: Path, *, data: str = DATA, question: str = "q", judged: str = "1") -> Opening:
    return open_acceptance(
        out,
        data=data,
        command="edgemed compile",
        question=question,
        judged={"onnxruntime-int8": judged},
        asked="auc 0.02",
    )


def test_the_same_question_about_the_same_artefact_is_one_opening(tmp_path: Path):
    first = _open(tmp_path)
    assert _open(tmp_path) == first
    assert len(read_ledger(tmp_path).openings) == 1


@pytest.mark.parametrize("change", [{"question": "wider margins"}, {"judged": "2"}])
def test_another_question_or_artefact_opens_it_again(tmp_path: Path, change: dict[str, str]):
    close_acceptance(tmp_path, _open(tmp_path), {"onnxruntime-int8": "refuted"})
    again = _open(tmp_path, **change)
    assert again.number == 2
    assert [each.number for each in close_acceptance(tmp_path, again, {})] == [1, 2]


def test_the_same_cases_cut_or_named_otherwise_are_counted_too(tmp_path: Path):
    first = _open(tmp_path)
    other = _open(tmp_path, data=OTHER)
    assert other.number == 2
    assert close_acceptance(tmp_path, other, {}) == (first, other)


def test_some_of_the_artefacts_are_no_other_opening(tmp_path: Path):
    first = open_acceptance(
        tmp_path, data=DATA, command="edgemed compile", question="q", judged={"a": "1", "b": "2"}, asked=""
    )
    close_acceptance(tmp_path, first, {"a": "proven"})
    again = open_acceptance(
        tmp_path, data=DATA, command="edgemed judge", question="q", judged={"b": "2"}, asked=""
    )
    assert again.number == 1
    (closed,) = close_acceptance(tmp_path, again, {"b": "refuted"})
    assert closed.outcomes == {"a": "proven", "b": "refuted"}


def test_an_opening_is_logged_before_anything_is_known_and_its_outcome_after(tmp_path: Path):
    opening = _open(tmp_path)
    assert read_ledger(tmp_path).openings == (opening,)
    (closed,) = close_acceptance(tmp_path, opening, {"onnxruntime-int8": "proven"})
    assert closed.outcomes == {"onnxruntime-int8": "proven"}
    assert _open(tmp_path) == closed
    assert close_acceptance(tmp_path, closed, {"onnxruntime-int8": "proven"}) == (closed,)


def test_what_was_asked_can_be_read(tmp_path: Path):
    margins = Margins.from_dict({"sensitivity": 0.03, "auc": "none", "mae": "none"})
    spec = JudgeSpec(margins=margins, outputs={"age": {"mae": 1.5}})
    assert (
        spec.asked == "sensitivity 0.03, specificity 0.05, brier 0.01, bias tenth; age: mae 1.5; alpha 0.025"
    )
    _open(tmp_path)
    assert read_ledger(tmp_path).openings[0].asked == "auc 0.02"


def test_a_broken_ledger_is_not_written_over(tmp_path: Path):
    _open(tmp_path)
    path = tmp_path / LEDGER_FILE
    path.write_text(path.read_text()[:-20])
    torn = path.read_text()
    with pytest.raises(BadInput, match="ledger of the acceptance set cannot be read") as caught:
        _open(tmp_path)
    assert caught.value.where == str(path)
    assert "another --out" in caught.value.remedy
    assert path.read_text() == torn


def test_a_ledger_that_lacks_what_the_report_tells_of_is_refused(tmp_path: Path):
    opening = _open(tmp_path)
    (tmp_path / "report.json").write_text(json.dumps({"openings": [opening.to_dict()]}))
    assert _open(tmp_path).number == 1
    (tmp_path / LEDGER_FILE).unlink()
    with pytest.raises(BadInput, match=r"has 0 openings, and report\.json tells of 1"):
        _open(tmp_path)
    (tmp_path / "report.json").write_text("no report")
    assert _open(tmp_path).number == 1


def test_a_ledger_whose_lines_do_not_count_up_is_refused(tmp_path: Path):
    _open(tmp_path)
    path = tmp_path / LEDGER_FILE
    path.write_text(path.read_text().replace('"number": 1', '"number": 7'))
    with pytest.raises(BadInput, match="not numbered 1, 2, 3"):
        read_ledger(tmp_path)
