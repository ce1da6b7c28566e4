"""Spoilt answers are wrong in the way that they say, whatever the scores are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgemed.stages.harm import harmed
from edgemed.stages.spoilt_answers import with_shifted_threshold, with_swapped_outputs
from edgemed.types import OutputSpec

SCORES = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))
CUTS = st.floats(0.01, 0.99)


@given(SCORES, CUTS)
@settings(max_examples=300)
def test_a_quarter_of_the_positive_decisions_is_lost_and_none_won(scores, cut):
    spec = OutputSpec("score", "binary", 1, threshold=cut)
    moved = with_shifted_threshold(spec, scores[:, None])[:, 0]
    before, after = scores >= cut, moved >= cut
    assert not (after & ~before).any()
    lost = before & ~after
    assert lost.sum() >= before.sum() / 4
    if len(np.unique(scores[before])) == before.sum():
        assert lost.sum() == np.ceil(before.sum() / 4)
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert not before.any() or harmed(spec, scores[:, None], moved[:, None])


def test_saturated_scores_lose_decisions_too():
    spec = OutputSpec("score", "binary", 1)
    scores = np.array([1, 1, 1, 1, 0.2])[:, None]
    moved = with_shifted_threshold(spec, scores)
    assert (moved >= 0.5).sum() == 0
    assert harmed(spec, scores, moved)


@given(SCORES, CUTS)
@settings(max_examples=300)
def test_the_order_of_the_cases_stays(scores, cut):
    spec = OutputSpec("score", "binary", 1, threshold=cut)
    moved = with_shifted_threshold(spec, scores[:, None])[:, 0]
    assert (np.diff(moved[np.argsort(scores)]) >= -1e-12).all()


def test_two_columns_still_add_up_to_one():
    spec = OutputSpec("score", "binary", 2)
    answers = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7]], np.float32)
    for spoil in (with_shifted_threshold, with_swapped_outputs):
        spoilt = spoil(spec, answers)
        assert spoilt.shape == answers.shape
        assert np.allclose(spoilt.sum(axis=1), 1)
    assert np.allclose(with_swapped_outputs(spec, answers), answers[:, ::-1])


def test_each_class_gets_the_answer_of_another():
    answers = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]])
    swapped = with_swapped_outputs(OutputSpec("c", "multiclass", 3), answers)
    assert swapped.argmax(axis=1).tolist() == [1, 2]


def test_what_has_no_threshold_or_no_classes_says_so():
    values = OutputSpec("v", "regression", 1)
    assert with_shifted_threshold(values, np.ones((3, 1))) == "it has no threshold"
    assert with_shifted_threshold(OutputSpec("c", "multiclass", 2), np.ones((3, 2))) == "it has no threshold"
    assert "not classes" in with_swapped_outputs(values, np.ones((3, 1)))


def test_a_tenth_of_a_class_is_harm_and_less_is_not():
    spec = OutputSpec("score", "binary", 1)
    original = np.repeat([0.9, 0.1], [20, 980])[:, None]
    one, two = original.copy(), original.copy()
    one[0], two[:2] = 0.1, 0.1
    assert not harmed(spec, original, one)
    assert harmed(spec, original, two)


def test_values_are_harmed_by_a_third_of_their_spread():
    spec = OutputSpec("v", "regression", 1)
    original = np.linspace(0, 10, 50)[:, None]
    assert not harmed(spec, original, original + 0.2)
    assert harmed(spec, original, original + 1.0)
