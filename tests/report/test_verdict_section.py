"""The section on verdicts: what they rest on, what they do not say, and how often the set was seen."""

from __future__ import annotations

import dataclasses
import html
import re

import numpy as np

from edgemed.judge import Pairs, judge_pairs
from edgemed.report import numerals
from edgemed.types import JudgeSpec, Margins, OutputSpec


def rows(look, section, table):
    """First cell of each row of the table with that label, and the row's whole text."""
    (found,) = (
        look(section)
        .section("verdict")
        .all(rf'<div class="scroll" role="region" aria-label="{table}" tabindex="0">(.*?)</table>')
    )
    cells = re.findall(r"<tr><th[^>]*>(.*?)</th>(.*?)</tr>", found.partition("<tbody>")[2], re.S)
    plain = [
        [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row] for row in cells
    ]
    return dict(plain)


def test_it_comes_right_behind_the_header(judged, look):
    page = look(judged).page
    assert re.search(r'</header>\s*<main>\s*<section aria-labelledby="verdict">', page)


def test_each_outcome_is_defined_once_and_none_claims_more(judged, look):
    told = look(judged).section("verdict").text
    assert told.count("not worse than the original within these margins on these cases.") == 1
    assert told.count("worse than the original by more than that") == 1
    assert told.count("it is never a pass") == 1
    assert "at most 25 of 1000 are called proven (one-sided alpha 0.025)" in told
    assert not re.search(r"clinically|valid|safe|effective", told)


def test_what_is_kept_comes_first_and_every_verdict_names_its_file(judged, look):
    section = look(judged).section("verdict")
    assert section.all(r"<h3>([a-z0-9-]+): ") == ["openvino-int8", "onnxruntime-int8", "openvino-bf16"]
    digest = judged.candidate("openvino-int8").verdict.artefact[:12]
    assert section.text.count(f"the artefact with the digest {digest}… and no other file") == 3
    told = rows(look, judged, "Verdicts")
    assert told["openvino-int8"] == "proven specificity: lower bound −0.0182, margin 0.05 kept"
    assert told["onnxruntime-int8"] == "refuted specificity: lower bound −0.2741, margin 0.05 dropped"
    assert told["openvino-bf16"].startswith("not provable specificity")


def test_the_ground_of_each_outcome_is_told(judged, look):
    told = look(judged).section("verdict").text
    assert (
        "Proven not worse than the original on 624 acceptance cases of 410 patients or groups (margins: AUC "
        "0.02, sensitivity 0.05, specificity 0.05, Brier score 0.01)." in told
    )
    assert (
        "Refuted on 624 acceptance cases of 410 patients or groups: "
        "specificity −0.2183 (−0.2741 to −0.1625), margin 0.05." in told
    )
    assert "specificity needs 240 clear cases, 112 are there (−0.0712 to +0.0204, margin 0.05)." in told


def test_the_table_has_every_figure_of_every_difference(judged, look):
    told = rows(look, judged, "Differences of onnxruntime-int8")
    assert told["AUC"] == "624 0.965 0.965 −0.0004 −0.0041 to +0.0033 0.02 proven 42.00 %"
    assert told["sensitivity"].startswith(
        "390 0.941 0.938 −0.0025 −0.0541 to +0.0112 0.05 2 / 3 not provable"
    )
    assert "needs 1 210 pneumonia cases, 390 are there" in told["sensitivity"]
    assert told["specificity"].endswith("1 / 52 refuted < 0.01 %")
    assert "no margin" in rows(look, judged, "Differences of openvino-int8")["accuracy"]
    caption = look(judged).section("verdict").text
    assert "Tango's score interval: sensitivity, specificity" in caption
    assert "It is one half for two identical models, so it never is the gate." in caption


def test_subgroups_are_folded_decide_nothing_and_a_refuted_one_is_a_warning(judged, look):
    section = look(judged).section("verdict")
    assert section.all(r"<details><summary>(Subgroups of [^<]*)</summary>") == [
        "Subgroups of openvino-int8: reported each; they decide nothing",
        "Subgroups of onnxruntime-int8: reported each; they decide nothing",
    ]
    (warning,) = section.all(r'<p class="loud">(.*?)</p>')
    assert "sensitivity in site=B (−0.1275, −0.1920 to −0.0630; 47 cases)" in warning
    assert "site=A" not in warning
    assert set(rows(look, judged, "Subgroups of onnxruntime-int8")) == {"site=A", "site=B"}


def test_a_second_look_is_told_with_all_openings(judged, look, compilation, with_verdicts):
    told = look(judged).section("verdict").text
    assert (
        "Acceptance data were opened twice for this folder: verdicts after the first look are optimistic. "
        "What an earlier look told" in told
    )
    assert told.count("It comes from opening 2 of those below.") == 3
    assert rows(look, judged, "Openings of acceptance data")["2"].startswith("2026-11-22 09:30")
    assert "openvino-int8: proven; onnxruntime-int8: refuted; openvino-bf16: not provable" in told
    first = dataclasses.replace(judged, openings=judged.openings[:1])
    told = look(first).section("verdict").text
    assert "Acceptance data were opened once for this folder." in told
    assert "optimistic" not in told
    cut = dataclasses.replace(judged.openings[0], outcomes={})
    told = rows(
        look,
        dataclasses.replace(judged, openings=(cut, judged.openings[1])),
        "Openings of acceptance data",
    )
    assert "not known: it was cut short" in told["1"]


def test_openings_of_other_sets_count_and_each_names_its_set(judged, look):
    first, second = judged.openings
    other = dataclasses.replace(
        judged, openings=(dataclasses.replace(first, data="0123456789abcdef"), second)
    )
    told = look(other).section("verdict").text
    assert "Acceptance data were opened twice for this folder, of 2 different sets: verdicts" in told
    told = rows(look, other, "Openings of acceptance data")
    assert "0123456789ab " in told["1"]
    assert f"{second.data[:12]} " in told["2"]


def test_margins_are_told_with_their_reason_and_the_recipe(judged, look):
    section = look(judged).section("verdict")
    told = rows(look, judged, "Margins")
    assert (told["AUC"], told["Brier score"], told["accuracy"]) == ("0.02", "0.01", "none: told only")
    assert "bias" not in told
    assert "without a single change of decision, 0.05 takes 73 cases of the class" in section.text
    assert "engineers' defaults and not clinical limits" in section.text
    (recipe,) = section.all(r'<pre aria-label="Part judge of the recipe">(.*?)</pre>')
    assert "&#34;draws&#34;: 2000" in recipe
    assert "; all are defaults" in section.text
    foreign = dataclasses.replace(
        judged, recipe={**judged.recipe, "judge": JudgeSpec(margins=Margins(bias=0.3)).to_dict()}
    )
    assert "; all are defaults" in look(foreign).section("verdict").text
    own = JudgeSpec(margins=Margins(auc=0.1), outputs={"finding": {"sensitivity": 0.08}})
    asked = dataclasses.replace(judged, recipe={**judged.recipe, "judge": own.to_dict()})
    told = rows(look, asked, "Margins")
    assert (told["AUC"], told["sensitivity"]) == ("0.1 the recipe's", "0.08 the recipe's")
    assert told["specificity"] == "0.05"
    assert "; what is not marked is a default." in look(asked).section("verdict").text


def test_a_regression_is_told_in_its_unit(compilation, with_verdicts, verdict, difference, look):
    age = OutputSpec("age", "regression", 1, unit="years")
    given = {"output": "age", "n": 80, "original": 3.1}
    found = verdict(
        "proven",
        [
            difference("mae", -0.12, 0.07, 0.31, "proven", **given),
            difference("bias", -0.2, -0.001, 0.31, "proven", **given),
        ],
        "openvino-int8",
    )  # fmt: skip
    both = with_verdicts(compilation, openvino_int8=found)
    both = dataclasses.replace(both, model=dataclasses.replace(both.model, outputs=(age,)))
    told = rows(look, both, "Differences of openvino-int8")
    assert told["mean absolute error"].startswith(
        "80 3.10 years 3.08 years −0.025 years −0.12 to +0.070 0.31 years"
    )
    assert "(margins: mean absolute error 0.31 years, bias 0.31 years)." in look(both).section("verdict").text
    assert ", margin 0.31\N{NO-BREAK SPACE}years: proven" in look(both).section("verdict").page
    told = rows(look, both, "Margins")
    assert told == {
        "bias": "a tenth of the original's mean absolute error",
        "mean absolute error": "a tenth of the original's mean absolute error",
        "R²": "none: told only",
    }


def test_margins_of_a_regression_may_be_numbers_or_none(compilation, with_verdicts, verdict, look):
    age = OutputSpec("age", "regression", 1, unit="years")
    spec = JudgeSpec(margins=Margins(bias=1.5, mae=None))
    both = with_verdicts(compilation, openvino_int8=verdict("not provable", [], "openvino-int8"))
    both = dataclasses.replace(
        both,
        model=dataclasses.replace(both.model, outputs=(age,)),
        recipe={**both.recipe, "judge": spec.to_dict()},
    )
    told = rows(look, both, "Margins")
    assert told["bias"] == "1.5 years the recipe's"
    assert told["mean absolute error"] == "none: told only the recipe's"


def test_limits_of_agreement_are_told_and_decide_nothing(compilation, with_verdicts, difference, look):
    age = OutputSpec("age", "regression", 1, unit="years")
    random = np.random.default_rng(0)
    truth = random.normal(50, 10, 80)
    before = truth + random.normal(0, 3, 80)
    pairs = Pairs(
        tuple(map(str, range(80))),
        {"age": before[:, None]},
        {"age": (before + random.normal(0.1, 0.2, 80))[:, None]},
        {"age": truth[:, None]},
    )
    found = judge_pairs((age,), pairs, JudgeSpec(), 0)
    shown = with_verdicts(compilation, openvino_int8=found)
    shown = dataclasses.replace(shown, model=dataclasses.replace(shown.model, outputs=(age,)))
    told = rows(look, shown, "Limits of agreement of openvino-int8")
    (limit,) = found.limits
    figures = [limit.mean, limit.lower, limit.upper]
    spoken = [f"{numerals.figure(each)} {numerals.interval(each)}" for each in figures]
    assert told["age"] == " ".join(["80", *spoken]).replace(" ", " ")
    assert told["age"].count("years") == 3
    section = look(shown).section("verdict").text
    assert section.count("between which values artefact minus original lies in 95 of 100 such cases") == 1
    assert "They decide nothing." in section


def test_several_outputs_and_classes_are_named_apart(compilation, with_verdicts, verdict, difference, look):
    organ = OutputSpec("organ", "multiclass", 3, ("liver", "kidney", "spleen"))
    age = OutputSpec("age", "regression", 1)
    found = verdict(
        "not provable",
        [
            difference("auc", -0.001, 0.001, 0.02, "proven", output="organ", label="macro"),
            difference(
                "sensitivity", -0.09, 0.05, 0.05, "not provable", output="organ", label="kidney", n=31,
                cases_needed=96,
            ),
            difference(
                "specificity", -0.06, 0.01, 0.05, "not provable", output="organ", label="kidney", n=60,
            ),
            difference(
                "mae", -0.9, 0.1, 0.3, "not provable", output="age", reason="no number proves it",
            ),
        ],
        "openvino-int8",
    )  # fmt: skip
    several = with_verdicts(compilation, openvino_int8=found)
    several = dataclasses.replace(several, model=dataclasses.replace(several.model, outputs=(organ, age)))
    told = rows(look, several, "Differences of openvino-int8")
    assert list(told) == [
        "organ: AUC, macro", "organ: sensitivity, kidney", "organ: specificity, kidney",
        "age: mean absolute error",
    ]  # fmt: skip
    section = look(several).section("verdict").text
    assert "organ: sensitivity, kidney needs 96 cases with kidney, 31 are there" in section
    assert "organ: specificity, kidney −0.0250 (−0.0600 to +0.0100), margin 0.05" in section
    assert "age: mean absolute error −0.40 (−0.90 to +0.10), margin 0.3: no number proves it" in section
    assert rows(look, several, "Margins")["AUC"] == "0.02"


def test_what_is_not_defined_says_why(compilation, with_verdicts, verdict, difference, look):
    blank = dataclasses.replace(
        difference("auc", 0, 0, 0.02, "not provable"), reason="no positive case",
        **dict.fromkeys(("original", "artefact", "difference", "low", "high")),
    )  # fmt: skip
    told = look(with_verdicts(compilation, openvino_int8=verdict("not provable", [blank], "openvino-int8")))
    section = told.section("verdict")
    assert (
        "Not provable on 624 acceptance cases of 410 patients or groups: AUC is not known: no positive case."
        in section.text
    )
    assert section.all(r'aria-label="(AUC:[^"]*)"') == ["AUC: no positive case, margin 0.02: not provable"]


def test_not_judged_is_said_and_a_page_without_either_has_no_section(compilation, look):
    assert (
        "There is none. Without a labelled acceptance set"
        in look(dataclasses.replace(compilation, stamps=("not judged",))).section("verdict").text
    )
    assert look(compilation).section("verdict").page == ""


def test_the_gate_being_off_is_said(judged, look):
    off = look(dataclasses.replace(judged, stamps=("gate off",)))
    assert "The gate is off. What is kept was kept whatever its verdict." in off.section("verdict").text
    assert "besides proven not worse" not in off.section("candidates").text
    assert "What is kept is besides proven not worse" in look(judged).section("candidates").text


def test_the_file_of_all_cases_is_named_once(judged, compilation, look):
    assert look(judged).text.count("cases.csv") == 1
    assert look(compilation).text.count("cases.csv") == 1


def test_names_in_a_verdict_are_text(judged, look, with_verdicts, verdict, difference):
    nasty = '"><img src=x onerror=alert(1)>'
    found = verdict(
        "refuted",
        [difference("auc", -0.4, -0.3, 0.02, "refuted", label=nasty, subgroup=sub) for sub in ("", nasty)],
        nasty, executed_by=nasty, notes=(nasty,),
    )  # fmt: skip
    page = look(with_verdicts(judged, openvino_int8=found))
    assert "<img" not in page.page
