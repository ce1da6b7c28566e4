"""One sentence for an outcome, whoever says it."""

from __future__ import annotations

import dataclasses

import pytest

from edgemed.report.grounds import NO_MARGIN, sentence
from edgemed.report.headline import headline
from edgemed.report.verdict_text import verdict_lines
from edgemed.types import OutputSpec


def words(lines):
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("id", ["openvino-int8", "onnxruntime-int8", "openvino-bf16"])
def test_page_and_terminal_say_it_with_the_same_words(judged, look, id):
    found = judged.candidate(id).verdict
    outcome, _, _ = sentence(found).partition(" (margins")
    outcome, _, ground = outcome.partition(": ")
    specs = judged.model.outputs
    told = sentence(found, specs)
    assert f"{told[:1].upper()}{told[1:]}." in look(judged).section("verdict").text
    shown = words(verdict_lines(found))
    assert shown.startswith(f"verdict {id}: {outcome} ")
    assert ground.replace("\N{MINUS SIGN}", "-") in shown


def test_the_headline_has_the_same_sentence(judged, unproven):
    assert sentence(judged.candidate("openvino-int8").verdict) in headline(judged).sentence
    specs = unproven.model.outputs
    for each in ("openvino-int8", "onnxruntime-int8"):
        told = sentence(unproven.candidate(each).verdict, specs)
        assert f"{each} is {told}." in headline(unproven).caveat


def test_without_a_margin_there_is_nothing_to_prove(verdict, difference, with_verdicts, compilation, look):
    found = verdict("not provable", [difference("auc", -0.1, 0.1)], "openvino-int8", groups=None)
    assert sentence(found) == f"not provable on 624 acceptance cases: {NO_MARGIN}"
    shown = words(verdict_lines(found))
    assert "not provable on 624 acceptance cases no margin is set, so there is nothing to prove" in shown
    alone = dataclasses.replace(compilation, candidates=(compilation.candidate("openvino-int8"),))
    page = look(with_verdicts(alone, openvino_int8=found))
    told = "ot provable on 624 acceptance cases: no margin is set, so there is nothing to prove."
    assert f"N{told}" in page.section("verdict").text
    assert f"n{told}" in page.text.partition("Verdict")[0]
    assert not any(f" {mark}" in page.section("verdict").text for mark in (": .", ": ;"))


def test_an_output_without_a_margin_is_what_stands_in_the_way(verdict, difference):
    fine = difference("auc", -0.01, 0.01, 0.02, "proven", output="organ")
    open_ = difference("auc", -0.09, 0.01, 0.02, "not provable", output="organ")
    bare = difference("mae", -0.1, 0.1, output="age")
    told = "no margin is set for age, so nothing is proven of it"
    assert sentence(verdict("not provable", [fine, bare], "x", groups=None)) == (
        f"not provable on 624 acceptance cases: {told}"
    )
    both = sentence(verdict("not provable", [open_, bare], "x"))
    assert "organ: AUC" in both
    assert both.endswith(f"; {told}")
    assert told in " ".join(" ".join(verdict_lines(verdict("not provable", [fine, bare], "x"))).split())


def test_several_outputs_are_named_without_their_specs(verdict, difference):
    both = [
        difference("auc", -0.09, 0.01, 0.02, "not provable", output=name) for name in ("organ", "finding")
    ]
    assert "organ: AUC" in sentence(verdict("not provable", both, "x"))
    assert "finding: AUC" in sentence(verdict("not provable", both, "x"))
    assert "organ" not in sentence(verdict("not provable", both[:1], "x"))


def test_a_margin_in_a_unit_is_told_with_it(verdict, difference):
    age = OutputSpec("age", "regression", 1, unit="years")
    worse = difference("mae", -0.9, -0.5, 0.31, "refuted", output="age")
    found = verdict("refuted", [worse], "x")
    assert sentence(found, [age]).endswith("(−0.90 to −0.50), margin 0.31\N{NO-BREAK SPACE}years")
    proven = dataclasses.replace(worse, low=-0.1, outcome="proven")
    told = sentence(verdict("proven", [proven], "x"), [age])
    assert told.endswith("(margins: mean absolute error 0.31\N{NO-BREAK SPACE}years)")
