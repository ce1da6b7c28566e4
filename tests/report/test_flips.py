"""Flipped cases: those of what is kept in the open, those of what was refused folded."""

from __future__ import annotations

import dataclasses

import pytest

from edgemed.report.flips import MOST_REFUSED, flip_tables


@pytest.fixture(scope="session")
def flipped(judged):
    """The refuted candidate flips 60 cases, those of the kept one under other names."""
    near = judged.candidate("openvino-int8").accept_agreement[0]
    flips = tuple(
        dataclasses.replace(near.flips[number % len(near.flips)], case=f"refused/{number:03d}")
        for number in range(60)
    )
    far = dataclasses.replace(near, flips=flips, flip_count=60)
    return dataclasses.replace(
        judged,
        candidates=tuple(
            dataclasses.replace(each, accept_agreement=(far,)) if each.id == "onnxruntime-int8" else each
            for each in judged.candidates
        ),
    )


def test_what_was_refused_is_folded_with_its_outcome_and_cut(flipped, look):
    section = look(flipped).section("flips")
    (folded,) = section.all(r"<details>(.*?)</details>")
    (summary,) = type(section)(folded).all(r"<summary>.*?</summary>")
    assert type(section)(summary).text.split()[:4] == ["onnxruntime-int8,", "not", "kept:", "refuted"]
    assert "60 of 624 cases" in type(section)(summary).text
    assert folded.count("refused/") == MOST_REFUSED == 50
    assert "the first 50 listed" in folded
    open_ones = section.page.replace(folded, "")
    assert "refused/" not in open_ones
    for flip in flipped.candidate("openvino-int8").accept_agreement[0].flips:
        assert flip.case in open_ones


def test_the_balance_is_that_of_all_flips(flipped):
    refused = next(each for each in flip_tables(flipped) if each.id == "onnxruntime-int8")
    flips = flipped.candidate("onnxruntime-int8").accept_agreement[0].flips
    better = sum(flip.artefact == flip.target for flip in flips)
    assert refused.balance == f"{better} to the right decision and {60 - better} away from it"


def test_where_nothing_is_kept_the_refused_flips_are_still_shown(flipped, look):
    refused = [each for each in flipped.candidates if each.id == "onnxruntime-int8"]
    alone = dataclasses.replace(flipped, candidates=tuple(refused), best=None)
    assert "refused/000" in look(alone).section("flips").text
    unjudged = dataclasses.replace(alone, candidates=(dataclasses.replace(refused[0], verdict=None),))
    section = look(unjudged).section("flips")
    assert "onnxruntime-int8, not kept 60 of 624 cases" in section.text
