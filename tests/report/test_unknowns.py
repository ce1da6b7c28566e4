"""What was not executed on its hardware, or not measured on its target, is told as such, its reason once."""

from __future__ import annotations

import dataclasses
import re

import pytest

from edgemed.report.headline import headline

STAND_IN = "onnxruntime, every node by itself"
MARK = '<span class="mark">not executed on its hardware</span>'


def test_what_was_not_executed_is_marked_in_every_table(elsewhere, look):
    page = look(elsewhere)
    for name in ("fp32", "fp16", "int8"):
        (row,) = page.section("candidates").all(
            rf'<tbody[^>]*><tr><th scope="row">tensorrt-{name}</th>.*?</tbody>'
        )
        assert MARK in row
        assert '<span class="mark">not timed</span>' in row
        agreement = page.section("agreement")
        assert f'<th scope="col" class="num">tensorrt-{name} {MARK}</th>' in agreement.page
        assert f'<th scope="row">tensorrt-{name} {MARK}</th>' in agreement.page
    assert page.section("candidates").page.count(MARK) == 3
    assert page.section("agreement").page.count(MARK) == 6
    layers = page.section("layers")
    assert layers.all(r"<summary>(tensorrt-\w+) " + MARK) == [
        "tensorrt-fp32",
        "tensorrt-fp16",
        "tensorrt-int8",
    ]
    assert layers.page.count(MARK) == 3
    assert "of what is marked, as the builder of its first engine planned it" in layers.text
    (measured,) = page.section("candidates").all(r'<tbody class="best">.*?</tbody>')
    assert "mark" not in measured


def test_a_dropped_candidate_without_its_hardware_is_marked_too(elsewhere, look):
    one = dataclasses.replace(
        elsewhere.candidate("tensorrt-int8"), status="dropped", reason="does not agree", accept_figures=None
    )
    others = tuple(each for each in elsewhere.candidates if each.backend != "tensorrt")
    page = look(dataclasses.replace(elsewhere, candidates=(one, *others)))
    assert page.section("candidates").page.count(MARK) == 1
    assert "never executed" not in page.text


def test_a_reason_is_told_once(elsewhere, afar, look):
    section = look(elsewhere).section("candidates").text
    assert section.count("no NVIDIA GPU here") == 1
    assert section.count(STAND_IN) == 1
    assert "Not executed on its hardware: tensorrt-fp32, tensorrt-fp16, tensorrt-int8. The answers" in section
    assert (
        "Not measured on nvidia-rtx: no NVIDIA GPU here. Not timed at all: tensorrt-fp32, tensorrt-fp16, "
        "tensorrt-int8." in section
    )
    assert look(afar).section("candidates").text.count("it is aarch64, this machine x86_64") == 1


def test_the_caveat_names_what_was_never_executed(elsewhere):
    told = headline(elsewhere)
    assert told.sentence.startswith(
        "openvino-int8 is kept, the fastest of those that could be timed: it takes 0."
    )
    assert (
        "tensorrt-fp32, tensorrt-fp16 and tensorrt-int8 were never executed on the hardware: the answers are "
        f"those of their graphs in {STAND_IN}. No time on nvidia-rtx is known of them either: on the device "
        "edgemed-device tune finds the fastest." in told.caveat
    )
    assert "not a proof that the artefact is no worse" in told.caveat


def test_many_are_counted_in_the_caveat(elsewhere):
    one = elsewhere.candidate("tensorrt-fp32")
    more = tuple(dataclasses.replace(one, id=f"tensorrt-{index}") for index in range(4))
    told = headline(dataclasses.replace(elsewhere, candidates=elsewhere.candidates + more))
    assert "7 artefacts, marked below, were never executed on the hardware" in told.caveat


def test_an_original_that_is_the_best_of_the_timed_is_not_called_the_best_of_all(elsewhere):
    timed = [
        dataclasses.replace(each, status="kept" if each.id == "onnxruntime-fp32" else each.status)
        for each in elsewhere.candidates
        if not each.id.endswith("int8") or each.unmeasured
    ]
    told = headline(dataclasses.replace(elsewhere, candidates=tuple(timed), best="onnxruntime-fp32"))
    assert told.sentence == (
        "onnxruntime-fp32 is kept, the fastest of those that could be timed: it is the original itself, and "
        "nothing else that agrees and could be timed is faster."
    )


def test_where_nothing_was_measured_the_least_near_is_told(afar):
    told = headline(afar)
    near = afar.candidate("onnxruntime-fp32").accept_agreement[0]
    assert re.fullmatch(
        r"4 artefacts are kept for raspberry-pi-5, none of them measured on it\. The least near is "
        rf"[a-z0-9-]+: it decides {near.n - near.flip_count} of 624 acceptance cases as the original does\.",
        told.sentence,
    )
    assert (
        "No time on raspberry-pi-5 is known of what is kept (those below are this machine's, not "
        "raspberry-pi-5's)" in told.caveat
    )
    assert "not a proof that an artefact is no worse" in told.caveat
    assert "of the original's time" not in told.sentence


def test_times_of_another_machine_are_said_to_be_that_wherever_they_are_shown(afar, compilation, look):
    whose = "this machine&#39;s, not raspberry-pi-5&#39;s"
    page = look(afar)
    (chart,) = page.section("candidates").all(r"<figcaption>.*?</figcaption>")
    (table,) = page.section("candidates").all(r"<caption>.*?</caption>")
    assert f"Times are {whose}." in chart
    assert f"Times, load and memory are {whose}." in table
    note, _, drawing = page.section("trade-off").page.partition('<svg class="trade-svg"')
    assert f"Times are {whose}" in note
    assert f"({whose})" in drawing
    assert (
        "Not measured on raspberry-pi-5: it is aarch64, this machine x86_64. Timed on this machine for "
        f"information, which decided nothing: {', '.join(afar.kept)}." in page.section("candidates").text
    )
    assert "not timed" not in page.section("candidates").text
    assert "dark: the best" not in page.text
    assert "the fastest candidate that is near enough" not in page.text
    assert "this machine's" not in look(compilation).text


def test_without_a_time_there_is_no_column_of_times(elsewhere, look):
    stood_in = tuple(each for each in elsewhere.candidates if each.stand_in)
    page = look(dataclasses.replace(elsewhere, candidates=stood_in, best=None))
    assert "Median" not in page.section("candidates").text
    assert "Load" not in page.section("candidates").text
    assert "this machine's" not in page.text


def test_the_least_near_is_that_of_the_fewest_decisions(afar):
    first, *rest = afar.candidates
    near = first.accept_agreement[0]
    fewer = dataclasses.replace(near.decisions, value=0.9)
    worse = dataclasses.replace(
        first, accept_agreement=(dataclasses.replace(near, decisions=fewer, flip_count=62),)
    )
    told = headline(dataclasses.replace(afar, candidates=(*rest, worse)))
    assert f"The least near is {first.id}: it decides 562 of 624" in told.sentence


def test_one_that_is_kept_unmeasured_is_told_as_one(afar):
    told = headline(dataclasses.replace(afar, candidates=afar.candidates[:1]))
    assert told.sentence.startswith("onnxruntime-fp32 is kept for raspberry-pi-5, not measured on it: it ")
    assert "not a proof that the artefact is no worse" in told.caveat


@pytest.mark.parametrize("kept", [13, 12])
def test_curves_are_told_apart_or_left_out(afar, look, kept):
    one, curve = afar.candidates[0], afar.roc[0]
    ids = [f"tensorrt-{index}" for index in range(kept)]
    many = dataclasses.replace(
        afar,
        candidates=tuple(dataclasses.replace(one, id=each) for each in ids),
        roc=(curve, *(dataclasses.replace(curve, model=each) for each in ids)),
    )
    section = look(many).section("roc")
    styles = section.all(r'<line class="(roc [a-z0-9 -]+)"')
    assert len(styles) == len(set(styles)) == 13
    assert ("The curves of 12 of the 13 artefacts are drawn" in section.text) == (kept == 13)
