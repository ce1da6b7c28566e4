"""What a compile prints on the terminal says the same as its report."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgemed.cli.outcome import print_outcome
from edgemed.cli.tables import plain, print_table
from edgemed.judge import figures
from edgemed.report import numerals
from edgemed.suite.run import LEGEND, table
from edgemed.types import OutputSpec


@pytest.mark.parametrize(
    ("compared_on", "told"),
    [
        ("select", "on the selection set"),
        ("calibrate", "on the calibration set, for want of a selection set"),
        ("golden", "on the synthetic golden cases"),
    ],
)
def test_the_set_that_was_compared_on_is_named(compilation, capsys, compared_on, told):
    print_outcome(dataclasses.replace(compilation, compared_on=compared_on), Path("out"))
    assert f"the artefact's minus the original's; {told}" in " ".join(capsys.readouterr().out.split())


def test_a_small_regression_figure_keeps_its_digits(compilation, capsys):
    random = np.random.default_rng(0)
    share = OutputSpec("share", "regression", 1)
    truth = random.normal(0.01, 0.002, 80)
    marks = (figures(share, truth + random.normal(-0.0003, 0.0001, 80), truth),)
    one = dataclasses.replace(
        compilation,
        candidates=(),
        model=dataclasses.replace(compilation.model, outputs=(share,)),
        original=dataclasses.replace(compilation.original, accept_figures=marks),
    )
    print_outcome(one, Path("out"))
    text = capsys.readouterr().out
    mae, bias = marks[0].get("mae"), marks[0].get("bias")
    assert f"{mae.value:.6f} ({mae.low:.6f} to {mae.high:.6f})" in text
    assert f"{bias.value:.6f}" in text
    assert bias.value < 0
    assert text.isascii()


@pytest.mark.parametrize("columns", [80, 200])
def test_no_figure_is_cut_or_wrapped(compilation, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_outcome(compilation, Path("out"))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= columns
    figures_of = text.partition("ratio: time over the original's, below 1 is faster")[0]
    for each in compilation.candidates:
        (line,) = [line for line in figures_of.splitlines() if line.startswith(each.id)]
        if each.ratio is not None:
            near = each.select_agreement[0]
            for figure in (
                numerals.significant(each.latency.p50_ms), numerals.ratio(each.ratio),
                numerals.ratio_interval(each.ratio).replace(" to ", "-"),
                    numerals.share(near.decisions.value).removesuffix(f"{numerals.NO_BREAK}%"),
                numerals.signed(near.difference("auc").value),
            ):  # fmt: skip
                assert f" {plain(figure)} " in f"{line} "
    for mark in compilation.candidate("openvino-int8").accept_figures[0].items:
        assert f"({mark.low:.3f} to {mark.high:.3f})" in text


def test_what_became_of_each_candidate_is_told(compilation, capsys):
    print_outcome(compilation, Path("out"))
    told = " ".join(capsys.readouterr().out.split())
    assert "openvino-int8 best: fastest of openvino" in told
    assert "onnxruntime-int8 kept: fastest of onnxruntime" in told
    assert "openvino-fp16 failed: the compiler ran past 120 s" in told


def test_one_reason_of_one_runtime_is_told_once(pruned, drop_pruned, capsys):
    reason = "does not agree: " + "specificity falls by 0.0519, limit 0.05; " * 3
    lines = spoken(capsys, drop_pruned(pruned, reason)).splitlines()
    for runtime in ("onnxruntime", "openvino"):
        ids = f"{runtime}-fp32-pruned, {runtime}-int8-pruned: "
        (first,) = [number for number, line in enumerate(lines) if line.startswith(ids)]
        told = " ".join(" ".join(lines[first : first + 4]).split())
        assert told.startswith(f"{ids}dropped: does not agree: ")
        assert told.count("0.0519") == 3
    assert max(map(len, lines)) <= 80


def test_that_all_pruned_candidates_are_dropped_is_one_line(pruned, drop_pruned, capsys):
    lost = drop_pruned(pruned, "does not agree: AUC differs by 0.1, limit 0.002")
    told = "           all pruned candidates are dropped: try a larger --budget"
    assert told in spoken(capsys, lost).splitlines()
    assert told not in spoken(capsys, pruned).splitlines()


def test_columns_without_room_come_in_a_further_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    head = ["figure", *(f"runtime-{index}" for index in range(8))]
    print_table("", head, [["AUC", *(f"0.96{index} (0.951 to 0.979)"[:15] for index in range(8))]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines] == ["figure", "AUC"] * 2
    for index in range(8):
        assert sum(f"0.96{index} (0.951 to" in line for line in lines) == 1


def test_the_suite_fits(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ratios = {
        "onnxruntime-fp32": 1.0, "openvino-fp32": 0.81, "openvino-bf16": 0.72, "onnxruntime uint8": 0.43,
        "NNCF on openvino": 0.34, "choice": 0.33,
    }  # fmt: skip
    row = {
        "name": "mobilenet_v3", "onnxruntime_fp32_ms": 12.3, "chosen": "onnxruntime-int8",
        "choice_ratio": 0.33, "choice_over_best": 0.97, "ratios": ratios,
    }  # fmt: skip
    print_table("", *table([row]))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "mobilenet" in line]
    assert line.split() == [
        "mobilenet_v3", "12.3", "0.81", "0.72", "0.43", "0.34", "0.33", "0.97", "onnxruntime-int8",
    ]  # fmt: skip
    assert max(map(len, LEGEND.splitlines())) <= 80


def spoken(capsys, compilation):
    print_outcome(compilation, Path("out"))
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["elsewhere", "afar", "pruned"])
def test_any_outcome_is_readable_at_80_columns(request, capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    result = request.getfixturevalue(name)
    lines = spoken(capsys, result).splitlines()
    assert max(map(len, lines)) <= 80
    table = lines[: lines.index("")]
    for each in result.candidates:
        (line,) = [line for line in table if line.rstrip("*").split()[:1] in ([each.id], [each.id + "*"])]
        if each.select_agreement:
            change = each.select_agreement[0].difference("auc").value
            assert line.split()[-1] == plain(numerals.signed(change)), "the last column is in the same line"


def test_many_kept_artefacts_have_a_row_each(elsewhere, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = spoken(capsys, elsewhere)
    block = text.partition("624 acceptance cases")[2].partition("\n\n")[0].splitlines()
    assert block[0] == "; 95 % intervals are in report.html"
    assert block[1].split() == ["AUC", "accuracy", "sensitivity", "specificity"]
    rows = {line.split()[0]: line.split()[1:] for line in block[2:]}
    assert list(rows) == [
        "original", "tensorrt-fp32*", "tensorrt-fp16*", "tensorrt-int8*", "onnxruntime-int8", "openvino-int8",
    ]  # fmt: skip
    for each in elsewhere.candidates:
        if each.status == "kept":
            marks = [plain(numerals.figure(item)) for item in each.accept_figures[0].items]
            assert rows[each.id + ("*" if each.stand_in else "")] == marks


def test_a_wide_terminal_shows_the_intervals_of_many(elsewhere, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    text = spoken(capsys, elsewhere)
    for mark in elsewhere.candidate("tensorrt-int8").accept_figures[0].items:
        assert f"({mark.low:.3f} to {mark.high:.3f})" in text


def test_what_is_not_known_is_told_once_each(elsewhere, afar, capsys):
    told = " ".join(spoken(capsys, elsewhere).split())
    assert told.count("no NVIDIA GPU here") == 1
    assert told.count("onnxruntime, every node by itself") == 1
    assert (
        "not known what tensorrt-fp32, tensorrt-fp16 and tensorrt-int8 answer on nvidia-rtx: nothing was "
        "executed on its hardware; all figures are those of onnxruntime, every node by itself not known how "
        "fast that is on nvidia-rtx: no NVIDIA GPU here" in told
    )
    assert "tensorrt-fp32*, tensorrt-fp16*, tensorrt-int8*: kept: it agrees, not timed" in told
    assert "*: not executed on its hardware" in told
    told = spoken(capsys, afar)
    assert told.count("it is aarch64") == 1
    assert "how fast all 4 that are kept run on raspberry-pi-5" in told
    assert "*" not in told
    assert "not timed" not in told
    whose = "times are this machine's, not raspberry-pi-5's: for information, they decided nothing"
    assert whose in " ".join(told.split())
    assert "try it" not in told
    assert "edgemed-device tune out" in told


def test_what_pruning_left_and_recovery_did_is_told(pruned, capsys):
    told = " ".join(spoken(capsys, pruned).split())
    assert (
        "pruned 50.41 % of the parameters and 57.35 % of the multiply-adds are left; held-out loss 1.94, in "
        "the end 0.0451 (epoch 7), after 8 of 20 epochs in 4.20 min" in told
    )
    stamp = "pruned without recovery (--budget 0)"
    facts = dataclasses.replace(pruned.pruning, recovery=None, unrecovered=stamp)
    told = " ".join(spoken(capsys, dataclasses.replace(pruned, pruning=facts)).split())
    assert f"are left; {stamp}, so what pruning cost stays in the answers" in told
    stamp = "recovery failed: it diverged before it had made the model better"
    facts = dataclasses.replace(
        pruned.pruning, recovery=dataclasses.replace(pruned.pruning.recovery, best_epoch=0, loss_best=0.412),
        unrecovered=stamp,
    )  # fmt: skip
    told = " ".join(spoken(capsys, dataclasses.replace(pruned, pruning=facts)).split())
    assert "in the end 0.412 (after BatchNorm)" in told
    assert told.count(stamp) == 1
    facts = dataclasses.replace(
        facts, recovery=None, unrecovered="", dropped="recovery failed: NaN; give less"
    )
    told = " ".join(spoken(capsys, dataclasses.replace(pruned, pruning=facts)).split())
    assert "pruned the pruned model is dropped: recovery failed: NaN; give less" in told
    assert "stays in the answers" not in told
