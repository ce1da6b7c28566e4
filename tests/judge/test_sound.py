"""What cannot be judged is refused: cases that do not pair up, one class, one patient, equal answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import Pairs, check_paired, check_pairs
from edgemed.types import OutputSpec

OUTPUT = OutputSpec("finding", "binary", 1)


def pairs(**changes):
    scores = np.linspace(0.1, 0.9, 6)[:, None]
    good = Pairs(
        tuple("abcdef"), {"finding": scores}, {"finding": scores}, {"finding": np.array([0, 0, 1, 0, 1, 1])}
    )
    return dataclasses.replace(good, **changes)


def test_sound_pairs_pass():
    check_pairs((OUTPUT,), pairs())
    check_pairs((OUTPUT,), pairs(groups=np.array([0, 0, 1, 1, 2, 2]), strata={"site": list("AABBBB")}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"targets": {}}, "no labels"),
        ({"artefact": {}}, "no answers of the artefact"),
        ({"targets": {"finding": np.zeros(6, np.int64)}}, "all 6 cases are negative"),
        ({"targets": {"finding": np.array([0, 1])}}, "2 entries for 6 cases"),
        ({"original": {"finding": np.full((6, 1), 0.5)}}, "answers all 6 cases alike: 0.5"),
        ({"artefact": {"finding": np.array([[np.nan], *[[0.1]] * 5])}}, "NaN"),
        ({"groups": np.zeros(6, np.int64)}, "one patient or group"),
        ({"groups": np.arange(5)}, "5 entries for 6 cases"),
        ({"strata": {"site": ["A"]}}, "1 entries for 6 cases"),
    ],
)
def test_what_tells_nothing_is_refused(changes, says):
    with pytest.raises(BadInput, match=says):
        check_pairs((OUTPUT,), pairs(**changes))


def test_values_whose_squares_are_no_numbers_are_refused():
    values = {"finding": np.linspace(0, 1e200, 6)[:, None]}
    with pytest.raises(BadInput, match="a value of 1e"):
        check_pairs((OutputSpec("finding", "regression", 1),), pairs(original=values))


def test_labels_with_one_class_each_are_refused():
    output = OutputSpec("findings", "multilabel", 2)
    scores = np.random.default_rng(0).random((6, 2))
    both = Pairs(
        tuple("abcdef"), {"findings": scores}, {"findings": scores}, {"findings": np.ones((6, 2), int)}
    )
    with pytest.raises(BadInput, match="one class of each label"):
        check_pairs((output,), both)


@pytest.mark.parametrize(
    ("names", "labels", "says"),
    [
        (["a", "b", "b"], [0, 1, 1], "there twice, such as b"),
        (["a", "b"], [0, 1], "1 of 3 cases are missing, such as c"),
        (["a", "b", "c", "d"], [0, 1, 1, 1], "1 of 4 cases are missing, such as d"),
        (["a", "c", "b"], [0, 1, 1], "number 2 is b in one and c in the other"),
        (["a", "b", "c"], [0, 1, 0], "other labels"),
    ],
)
def test_lists_that_do_not_pair_up_are_refused(names, labels, says):
    with pytest.raises(BadInput, match=says):
        check_paired(["a", "b", "c"], names, {"y": np.array([0, 1, 1])}, {"y": np.array(labels)})


def test_lists_that_pair_up_pass():
    check_paired(["a", "b"], ["a", "b"], {"y": np.array([0, 1])}, {"y": np.array([0, 1])})
