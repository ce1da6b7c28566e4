"""Openings of acceptance data are worded once: of a ledger, and of a verdict."""

from __future__ import annotations

import dataclasses

import pytest

from edgemed.report.headline import headline
from edgemed.report.openings import opened, optimism
from edgemed.report.verdict_text import verdict_lines


def test_all_sets_are_counted_together(judged):
    first, second = judged.openings
    other = dataclasses.replace(second, data="0123456789abcdef")
    assert opened([first]) == "acceptance data were opened once for this folder"
    assert opened([first, second]) == "acceptance data were opened twice for this folder"
    assert (
        opened([first, other, second])
        == "acceptance data were opened 3 times for this folder, of 2 different sets"
    )


@pytest.mark.parametrize("opening", [0, 1])
def test_a_first_look_and_one_without_a_ledger_are_not_optimistic(judged, opening):
    found = dataclasses.replace(judged.candidate("openvino-int8").verdict, opening=opening)
    assert optimism(found) == ""
    assert "opened" not in " ".join(verdict_lines(found))


def test_terminal_and_headline_word_a_later_look_alike(judged):
    found = judged.candidate("openvino-int8").verdict
    told = optimism(found)
    assert (
        told
        == "acceptance data were opened twice for this folder: verdicts after the first look are optimistic"
    )
    assert told in " ".join(" ".join(verdict_lines(found)).split())
    assert f"{told[:1].upper()}{told[1:]}." in headline(judged).caveat
