"""Doubts about data, model and labels, from the original's figures on a labelled set."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import figures
from edgemed.stages.doubts import doubts
from edgemed.types import OutputSpec

SCORE = OutputSpec("score", "binary", 1, ("well", "ill"))
LABELS = np.arange(40) % 2


def told(scores: np.ndarray) -> list[str]:
    return list(doubts([figures(SCORE, scores[:, None].astype(np.float32), LABELS)], "select"))


def test_a_good_original_raises_none():
    noise = np.random.default_rng(0).normal(0, 0.1, 40)
    assert told(np.clip(0.25 + 0.5 * LABELS + noise, 0.01, 0.99)) == []


def test_scores_in_the_other_order_are_refused():
    noise = np.random.default_rng(0).normal(0, 0.3, 40)
    with pytest.raises(BadInput, match="labels and columns are in another order") as caught:
        told(np.clip(0.75 - 0.5 * LABELS + noise, 0.01, 0.99))
    assert "negative first: labels = [...] under [outputs.score]" in caught.value.remedy


def test_scores_without_a_relation_are_told():
    scores = np.tile([0.2, 0.7, 0.8, 0.3], 10)
    (chance,) = told(scores)
    assert chance.startswith("the original's AUC for score on the select set is 0.5")
    assert "maybe no better than chance" in chance


def test_one_decision_for_every_case_is_told():
    scores = 0.9 + 0.05 * LABELS + np.random.default_rng(0).uniform(0, 0.04, 40)
    (alike,) = told(scores)
    assert "decides every case of the select set alike (score)" in alike


def test_saturated_scores_are_told_twice():
    assert len(told(np.ones(40))) == 2
