"""What a compile tells where standard error is no terminal, as in a log."""

from __future__ import annotations

import pytest

from edgemed.cli import progress
from edgemed.cli.progress import ProgressBar
from edgemed.types import StageTime


def told(capsys) -> list[str]:
    caught = capsys.readouterr()
    assert caught.out == ""
    return caught.err.splitlines()


def work(bar: ProgressBar) -> None:
    with bar:
        bar.stage("select-a-int8", "a-int8 on the select set [all]")
        bar.progress(1, 2)
        bar.progress(2, 2)
        bar.finished(StageTime("select-a-int8", 1.25))


def test_a_stage_is_told_when_it_begins_and_when_it_ends(capsys):
    work(ProgressBar())
    first, last = told(capsys)
    assert first == "… select-a-int8: a-int8 on the select set [all]"
    assert last.split() == ["✓", "select-a-int8", "1.2", "s"]


def test_a_long_stage_tells_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    work(ProgressBar())
    assert [line.partition("[all]")[2] for line in told(capsys)[:-1]] == ["", ", 1/2", ", 2/2"]


def test_a_stage_in_many_steps_is_told_once(capsys):
    bar = ProgressBar()
    for epoch in range(5):
        bar.stage("prepare", f"training: epoch {epoch}")
        bar.progress(epoch, 5)
    assert told(capsys) == ["… prepare: training: epoch 0"]


def test_quiet_says_nothing(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    work(ProgressBar(quiet=True))
    assert told(capsys) == []


@pytest.mark.slow
def test_a_compile_in_a_log(site, helpers):
    done = site.fp32(*helpers.MODEL, *helpers.SETS, "-o", "out")
    lines = done.err.splitlines()
    begun = [line[2:].partition(":")[0] for line in lines if line.startswith("… ")]
    ended = [line.split()[1] for line in lines if line.startswith("✓ ")]
    assert set(ended) <= set(begun)
    assert "" not in lines
    assert site.fp32(*helpers.MODEL, *helpers.SETS, "-o", "out", "--json").err == ""
