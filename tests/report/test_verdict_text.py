"""A verdict on the terminal: short, in 80 columns of plain characters, and not more than is known."""

from __future__ import annotations

import dataclasses

import pytest

from edgemed.report.verdict_text import verdict_lines
from edgemed.types import OutputSpec


@pytest.fixture(params=["openvino-int8", "onnxruntime-int8", "openvino-bf16"])
def any_verdict(request, judged):
    return judged.candidate(request.param).verdict


def test_every_line_fits_and_is_plain(any_verdict):
    lines = verdict_lines(any_verdict)
    assert lines[0].startswith("verdict    ")
    assert all(line.startswith(" " * 11) for line in lines[1:])
    assert max(map(len, lines)) <= 80
    assert "".join(lines).isascii()


def test_what_is_proven_names_bounds_and_margins_the_nearest_first(judged):
    found = dataclasses.replace(judged.candidate("openvino-int8").verdict, opening=1)
    assert verdict_lines(found) == [
        "verdict    openvino-int8: proven not worse than the original on 624 acceptance",
        "           cases of 410 patients or groups",
        "           specificity +0.0034 (-0.0182 to +0.0251), margin 0.05",
        "           sensitivity -0.0025 (-0.0163 to +0.0112), margin 0.05",
        "           AUC -0.0004 (-0.0041 to +0.0033), margin 0.02",
        "           Brier score -0.00015 (-0.0012 to +0.00090), margin 0.01",
        "           no subgroup is surely worse by more than the margin (see --json)",
        "           for the artefact 4e6c8a9d1b0f alone, answers by openvino",
    ]


def test_what_is_refuted_names_only_what_refuted_it(judged):
    lines = verdict_lines(judged.candidate("onnxruntime-int8").verdict)
    told = " ".join(" ".join(lines).split())
    assert "onnxruntime-int8: refuted on 624" in told
    assert "specificity -0.2183 (-0.2741 to -0.1625), margin 0.05" in told
    assert "AUC" not in told


def test_what_is_not_provable_names_the_cases_that_it_would_take(judged):
    lines = verdict_lines(judged.candidate("openvino-bf16").verdict)
    told = " ".join(" ".join(lines).split())
    assert "openvino-bf16: not provable on 624" in told
    assert "specificity needs 240 negative cases, 112 are there (-0.0712 to +0.0204, margin 0.05)" in told


def test_with_its_outputs_classes_and_units_are_named(judged, verdict, difference):
    found = judged.candidate("openvino-bf16").verdict
    told = " ".join(" ".join(verdict_lines(found, judged.model.outputs)).split())
    assert "specificity needs 240 clear cases" in told
    worse = difference("mae", -0.9, -0.5, 0.31, "refuted", output="age")
    lines = verdict_lines(verdict("refuted", [worse], "x"), [OutputSpec("age", "regression", 1, unit="a²")])
    assert "margin 0.31 a2" in " ".join(lines)


def test_of_a_subgroup_the_stratum_is_named_and_never_the_value(verdict, difference):
    worse = [
        difference("auc", -0.4, -0.3, 0.02, outcome, subgroup=subgroup)
        for outcome, subgroup in (
            ("proven", ""), ("refuted", "site=St. Mary=Ward 7"), ("refuted", "scanner=of Dr. Miller"),
        )
    ]  # fmt: skip
    told = " ".join(" ".join(verdict_lines(verdict("proven", worse, "x"))).split())
    assert "look at a subgroup by site: worse by more than the margin: AUC and 1 more" in told
    assert not any(word in told for word in ("Mary", "Ward", "Miller"))


def test_subgroups_of_which_none_is_worse_are_told_of(verdict, difference):
    alike = [
        difference("auc", -0.01, 0.01, 0.02, "proven", subgroup=name) for name in ("", "site=A", "site=B")
    ]
    told = " ".join(verdict_lines(verdict("proven", alike, "x")))
    assert "no subgroup is surely worse by more than the margin" in told


def test_many_are_cut_and_the_unknown_says_why(verdict, difference):
    many = [
        difference("sensitivity", -0.09 - 0.001 * n, 0, 0.05, "not provable", label=f"finding {n}")
        for n in range(9)
    ]
    lines = verdict_lines(verdict("not provable", many, ""))
    assert "finding 8" in " ".join(lines[:3])
    assert "finding 5" in " ".join(lines)
    assert "finding 4" not in " ".join(lines)
    assert lines[-2].strip() == "and 5 more"
    blank = dataclasses.replace(many[0], difference=None, low=None, high=None, reason="no positive case")
    assert "finding 0 is not known: no positive case" in "".join(
        verdict_lines(verdict("not provable", [blank], "a"))
    )
