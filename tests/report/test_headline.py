"""The headline follows the verdict: what is proven, kept without it, or not kept for want of it."""

from __future__ import annotations

import dataclasses

from edgemed.report.headline import headline
from edgemed.types import Difference


def spaced(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_what_is_proven_is_told_with_margins_cases_and_time(judged):
    told = headline(judged)
    best = judged.candidate("openvino-int8")
    assert spaced(told.sentence) == (
        "openvino-int8 is kept: proven not worse than the original on 624 acceptance cases of 410 patients "
        "or groups (margins: AUC 0.02, sensitivity 0.05, specificity 0.05, Brier score 0.01), and it "
        f"takes {best.ratio.ratio:.3f} of the original's time (95 % interval {best.ratio.low:.3f} to "
        f"{best.ratio.high:.3f})."
    )
    assert "not a proof" not in told.caveat
    assert "Not proven and so not kept: onnxruntime-int8 and openvino-bf16." in told.caveat
    assert (
        "Acceptance data were opened twice for this folder: verdicts after the first look are optimistic."
        in told.caveat
    )
    assert f"for this file alone (digest {best.verdict.artefact[:12]}…)" in told.caveat
    assert told.caveat.endswith("It is no statement on clinical use.")


def test_a_first_look_is_not_called_optimistic(compilation, with_verdicts, judged):
    first = dataclasses.replace(judged.candidate("openvino-int8").verdict, opening=1)
    told = headline(with_verdicts(compilation, openvino_int8=first))
    assert "optimistic" not in told.caveat
    assert "onnxruntime-int8 is kept" not in told.sentence


def test_where_nothing_is_proven_the_margins_and_the_missing_cases_are_told(unproven):
    told = headline(unproven)
    assert told.sentence == "No candidate is kept, for none is proven not worse than the original."
    assert told.caveat == (
        "onnxruntime-int8 is refuted on 624 acceptance cases of 410 patients or groups: specificity −0.2183 "
        "(−0.2741 to −0.1625), margin 0.05. openvino-int8 is not provable on 624 acceptance cases of 410 "
        "patients or groups: specificity needs 240 clear cases, 112 are there (−0.0712 to +0.0204, margin "
        "0.05). Nothing was written that a device should run."
    )


def test_of_many_that_failed_two_are_told(compilation, with_verdicts, unproven):
    refuted = unproven.candidate("onnxruntime-int8").verdict
    names = ("openvino_int8", "onnxruntime_int8", "openvino_bf16", "onnxruntime_fp16")
    told = headline(with_verdicts(compilation, **dict.fromkeys(names, refuted))).caveat
    assert told.count("is refuted on") == 2
    assert "The section on verdicts has 2 more." in told


def test_with_the_gate_off_what_is_kept_is_told_with_its_verdict(judged):
    refuted = dataclasses.replace(judged.candidate("onnxruntime-int8"), status="kept")
    off = dataclasses.replace(
        judged,
        candidates=tuple(refuted if each.id == refuted.id else each for each in judged.candidates),
        best=refuted.id,
        stamps=("gate off",),
    )
    told = headline(off)
    assert told.sentence.startswith("onnxruntime-int8 is kept: it takes 0.3")
    assert "proven" not in told.sentence
    assert (
        "The gate is off: onnxruntime-int8 is kept although it is refuted on 624 acceptance cases of 410 "
        "patients or groups: specificity" in told.caveat
    )
    assert "not a proof that the artefact is no worse" in told.caveat
    assert "so not kept" not in told.caveat


def test_without_labels_it_says_that_it_was_not_judged(compilation):
    told = headline(dataclasses.replace(compilation, stamps=("not judged",)))
    assert "It was not judged, for want of a labelled acceptance set. This is agreement" in told.caveat
    assert "not a proof that the artefact is no worse" in told.caveat


def test_an_original_that_stands_in_for_what_was_refused(compilation, with_verdicts, unproven, judged):
    proven = judged.candidate("openvino-int8").verdict
    kept = with_verdicts(
        compilation, onnxruntime_fp32=proven, openvino_int8=unproven.candidate("openvino-int8").verdict
    )
    told = headline(dataclasses.replace(kept, best="onnxruntime-fp32"))
    assert told.sentence == (
        "onnxruntime-fp32 is kept: it is the original itself, and nothing else that is proven not worse is "
        "faster."
    )


def test_many_without_a_time_are_proven_together(afar, with_verdicts, judged):
    proven = judged.candidate("openvino-int8").verdict
    names = [each.id.replace("-", "_") for each in afar.candidates]
    told = headline(with_verdicts(afar, **dict.fromkeys(names, proven)))
    assert told.sentence.startswith(
        "4 artefacts are kept for raspberry-pi-5, none of them measured on it. Each is proven not worse than "
        "the original on 624 acceptance cases of 410 patients or groups (margins: AUC 0.02,"
    )
    assert "not a proof" not in told.caveat


def test_one_margin_of_several_sizes_is_told_as_a_span(compilation, with_verdicts, verdict, difference):
    def mae(label: str, margin: float) -> Difference:
        return difference("mae", -0.1, 0.1, margin, "proven", label=label)

    found = verdict("proven", [mae("age", 0.31), mae("dose", 1.2)], "openvino-int8", groups=None)
    told = headline(with_verdicts(compilation, openvino_int8=found)).sentence
    assert "on 624 acceptance cases (margins: mean absolute error 0.31 to 1.2), and" in told
