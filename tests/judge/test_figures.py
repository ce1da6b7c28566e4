"""Figures against scikit-learn, published intervals and arithmetic by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.judge import figures
from edgemed.judge.interval import mean, share
from edgemed.types import Figures, OutputSpec

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"), threshold=0.4)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_that_of_newcombe_1998(hits, n, low, high):
    """Table I (method 3) of Newcombe, Statistics in Medicine 17 (1998) 857-872."""
    figure = share("x", hits, n)
    assert figure.low == pytest.approx(low, abs=5e-5)
    assert figure.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_is_that_of_newcombe_1998(hits, n, low, high):
    """Method 5 of the same table."""
    figure = share("x", hits, n, method="exact")
    assert figure.low == pytest.approx(low, abs=5e-5)
    assert figure.high == pytest.approx(high, abs=5e-5)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=50, deadline=None)
def test_wilson_formula_and_exact_quantiles(pair):
    from scipy.stats import beta

    hits, n = pair
    z, p = 1.959963984540054, hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    wilson, exact = share("x", hits, n), share("x", hits, n, method="exact")
    assert wilson.low == pytest.approx(max(0, centre - half), abs=1e-9)
    assert wilson.high == pytest.approx(min(1, centre + half), abs=1e-9)
    assert exact.low == pytest.approx(beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0, abs=1e-9)


@pytest.fixture
def scored():
    random = np.random.default_rng(3)
    targets = (random.random(300) < 0.3).astype(np.int64)
    return np.clip(random.normal(0.35 + 0.2 * targets, 0.15), 0.01, 0.99), targets


def test_binary_figures_are_those_of_scikit_learn(scored, metrics):
    scores, targets = scored
    found = figures(BINARY, scores[:, None].astype(np.float32), targets)
    scores = scores.astype(np.float32)
    called = scores >= 0.4
    assert found.get("auc").value == pytest.approx(metrics.roc_auc_score(targets, scores))
    assert found.get("sensitivity").value == pytest.approx(metrics.recall_score(targets, called))
    assert found.get("specificity").value == pytest.approx(metrics.recall_score(targets, called, pos_label=0))
    assert found.get("accuracy").value == pytest.approx(metrics.accuracy_score(targets, called))
    assert found.get("sensitivity").n == targets.sum()
    assert found.class_counts == {"clear": 300 - targets.sum(), "pneumonia": targets.sum()}
    assert found.threshold == 0.4


def test_two_columns_and_one_give_the_same(scored):
    scores, targets = scored
    pair = OutputSpec("finding", "binary", 2, BINARY.labels, threshold=0.4)
    both = np.stack([1 - scores, scores], axis=1)
    assert figures(pair, both, targets).items == figures(BINARY, scores, targets[:, None]).items


def test_multiclass_figures_are_one_against_the_rest(metrics):
    random = np.random.default_rng(4)
    classes = random.integers(4, size=200)
    raw = random.random((200, 4)) + 0.6 * np.eye(4)[classes]
    scores = raw / raw.sum(axis=1, keepdims=True)
    output = OutputSpec("organ", "multiclass", 4)
    found = figures(output, scores, classes)
    assert found.get("auc").label == "macro"
    assert found.get("auc").value == pytest.approx(metrics.roc_auc_score(classes, scores, multi_class="ovr"))
    called = scores.argmax(axis=1)
    for each, recall in enumerate(metrics.recall_score(classes, called, average=None)):
        assert found.get("sensitivity", f"class {each}").value == pytest.approx(recall)
    assert found.get("specificity", "class 2").value == pytest.approx(np.mean(called[classes != 2] != 2))


def test_multilabel_has_figures_for_each_label(metrics):
    random = np.random.default_rng(5)
    targets = (random.random((120, 3)) < 0.4).astype(np.int64)
    scores = np.clip(0.3 * targets + 0.7 * random.random((120, 3)), 0, 1)
    found = figures(OutputSpec("findings", "multilabel", 3, ("a", "b", "c")), scores, targets)
    assert found.get("auc", "b").value == pytest.approx(metrics.roc_auc_score(targets[:, 1], scores[:, 1]))
    assert found.get("auc", "macro").value == pytest.approx(metrics.roc_auc_score(targets, scores))
    assert found.get("accuracy").value == pytest.approx(metrics.accuracy_score(targets, scores >= 0.5))
    assert found.class_counts["c"] == targets[:, 2].sum()


def test_regression_figures(metrics):
    random = np.random.default_rng(6)
    truth = random.normal(40, 12, 400)
    guess = truth + random.normal(1.5, 4, 400)
    found = figures(OutputSpec("age", "regression", 1, unit="years"), guess[:, None], truth)
    error = guess - truth
    assert found.get("mae").value == pytest.approx(np.abs(error).mean())
    assert found.get("bias").value == pytest.approx(error.mean())
    assert found.get("rmse").value == pytest.approx(np.sqrt((error**2).mean()))
    assert found.get("r2").value == pytest.approx(metrics.r2_score(truth, guess))
    assert found.get("bias").low < 1.5 < found.get("bias").high
    assert found.get("bias").unit == "years"
    delta = np.std(error**2, ddof=1) / np.sqrt(400) / (2 * found.get("rmse").value)
    assert (found.get("rmse").high - found.get("rmse").low) / 2 == pytest.approx(1.96 * delta, rel=0.1)
    assert found.get("r2").low < found.get("r2").value < found.get("r2").high < 1


def test_student_interval_by_hand():
    """Mean 2, s = 1, n = 3: half width t(.975, 2) / sqrt 3 = 4.30265 / 1.73205."""
    figure = mean("x", np.array([1.0, 2.0, 3.0]))
    assert figure.high - 2 == pytest.approx(2.48414, abs=1e-5)


def test_one_class_only_is_told_not_raised():
    found = figures(BINARY, np.array([[0.2], [0.7]]), np.array([0, 0]))
    assert found.get("auc").value is None
    assert found.get("sensitivity").value is None
    assert found.get("sensitivity").reason == "no positive case"
    assert found.get("specificity").value == 0.5


def test_equal_targets_and_a_single_case_do_not_crash():
    output = OutputSpec("age", "regression", 1)
    assert "equal" in figures(output, np.array([[1.0], [2.0]]), np.array([3.0, 3.0])).get("r2").reason
    tenths = np.full(6, 0.1)  # their mean is not .1 in floating point
    assert figures(output, np.arange(6.0), tenths).get("r2").value is None
    single = figures(output, np.array([[1.0]]), np.array([3.0]))
    assert single.get("mae").value == 2.0
    assert single.get("mae").low is None
    assert figures(BINARY, np.array([[0.3]]), np.array([1])).get("accuracy").value == 0.0


def test_without_targets_there_are_no_figures():
    assert figures(BINARY, np.array([[0.3]]), None).items == ()


@pytest.mark.parametrize(
    ("predictions", "targets", "says"),
    [
        (np.array([[0.1], [np.nan]]), np.array([0, 1]), "index 1"),
        (np.array([[0.1], [7.0]]), np.array([0, 1]), "expected probabilities"),
        (np.array([[0.1], [0.3]]), np.array([0, 2]), "label 2 is outside 0 to 1"),
        (np.array([[0.1], [0.3]]), np.array([0, 1, 1]), "labels have shape"),
        (np.array([[0.1, 0.2, 0.7]]), np.array([0]), "expected \\(cases, 1\\)"),
        (np.zeros((0, 1)), np.zeros(0), "no case"),
    ],
)
def test_bad_input_is_named(predictions, targets, says):
    with pytest.raises(BadInput, match=says):
        figures(BINARY, predictions, targets)


def test_figures_come_back_from_json(scored):
    found = figures(BINARY, *scored)
    assert Figures.from_json(found.to_json()) == found
