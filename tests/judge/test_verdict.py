"""Verdicts of every kind of output: what is proven, refuted and told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import Pairs, judge_pairs
from edgemed.judge.noninferiority import outcome_of
from edgemed.judge.tango import tango
from edgemed.types import JudgeSpec, Margins, OutputSpec, Verdict

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"))
SPEC = JudgeSpec(draws=200)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def softmax(values):
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


def pairs(output, before, after, targets, **more):
    names = tuple(f"case{index}" for index in range(len(before)))
    return Pairs(names, {output.name: before}, {output.name: after}, {output.name: targets}, **more)


@pytest.fixture
def logits():
    """1000 cases, 300 of them positive, and their scores."""
    random = np.random.default_rng(0)
    targets = random.permutation(np.repeat([1, 0], [300, 700]))
    return random.normal(2.0 * (2 * targets - 1), 1.5), targets, random


def found(verdict, metric, label="", subgroup=""):
    (each,) = [
        each
        for each in verdict.differences
        if (each.metric, each.label, each.subgroup) == (metric, label, subgroup)
    ]
    return each


def test_an_identical_copy_is_proven_with_enough_cases_and_never_refuted(logits):
    scores, targets, _ = logits
    copy = pairs(BINARY, sigmoid(scores), sigmoid(scores), targets)
    verdict = judge_pairs((BINARY,), copy, SPEC, 0)
    assert verdict.outcome == "proven"
    assert found(verdict, "sensitivity").claim_false == 0.5
    assert "identical on these cases" in verdict.notes[0]
    few = pairs(BINARY, sigmoid(scores[:60]), sigmoid(scores[:60]), targets[:60])
    assert judge_pairs((BINARY,), few, SPEC, 0).outcome == "not provable"


def test_what_is_broken_is_refuted(logits):
    scores, targets, _ = logits
    moved = judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), sigmoid(scores + 2), targets), SPEC, 0)
    assert moved.outcome == "refuted"
    assert found(moved, "specificity").outcome == "refuted"
    assert found(moved, "sensitivity").outcome == "proven"
    assert found(moved, "auc").difference == 0.0
    swapped = judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), 1 - sigmoid(scores), targets), SPEC, 0)
    assert {each.outcome for each in swapped.deciding} == {"refuted"}
    assert all(each.cases_needed is None for each in swapped.deciding)


def test_decisions_are_counted_at_the_originals_threshold(logits):
    scores, targets, random = logits
    output = dataclasses.replace(BINARY, threshold=0.3)
    before, after = sigmoid(scores), sigmoid(scores + random.normal(0, 0.4, 1000))
    verdict = judge_pairs((output,), pairs(output, before, after, targets), SPEC, 0)
    each = found(verdict, "sensitivity")
    right = [(scores >= 0.3)[targets == 1] for scores in (before, after)]
    better, worse = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    assert (each.better, each.worse, each.n) == (better, worse, 300)
    assert (each.low, each.high) == tango(better, worse, 300, 0.025)
    assert each.original == pytest.approx(right[0].mean())
    assert each.method == "Tango"


def test_what_is_not_provable_says_how_many_cases_would_do(logits):
    scores, targets, random = logits
    part = slice(0, 200)
    noisy = scores + random.normal(0, 0.3, 1000)
    verdict = judge_pairs(
        (BINARY,), pairs(BINARY, sigmoid(scores[part]), sigmoid(noisy[part]), targets[part]), SPEC, 0
    )
    assert verdict.outcome == "not provable"
    for each in verdict.deciding:
        if each.outcome == "not provable":
            assert each.cases_needed is not None
            assert each.cases_needed > each.n


def test_more_cases_than_anyone_has_are_not_said_to_be_never_enough(logits):
    """Three of 200 decisions lost: at a margin of .0152 some number does it, at .014 none."""
    _, targets, _ = logits
    targets = targets.copy()
    targets[:] = np.arange(1000) < 200
    before = np.where(targets == 1, 0.9, 0.1)
    after = before.copy()
    after[:3] = 0.2
    for margin, words in ((0.0152, "more than 100000 cases"), (0.014, "no number of cases")):
        spec = JudgeSpec(margins=Margins(auc=None, sensitivity=margin, specificity=None, brier=None))
        each = found(judge_pairs((BINARY,), pairs(BINARY, before, after, targets), spec, 0), "sensitivity")
        assert (each.outcome, each.cases_needed) == ("not provable", None)
        assert words in each.reason


def test_patients_widen_intervals_and_are_told(logits):
    scores, targets, random = logits
    after = sigmoid(scores + random.normal(0, 0.4, 1000))
    order = np.argsort(targets, kind="stable")
    groups = np.empty(1000, np.int64)
    groups[order] = np.arange(1000) // 5
    alone = judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), after, targets), SPEC, 0)
    grouped = judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), after, targets, groups=groups), SPEC, 0)
    assert (alone.groups, grouped.groups) == (None, 200)
    for metric in ("auc", "sensitivity", "specificity", "accuracy", "brier", "log_loss"):
        assert found(grouped, metric).low < found(alone, metric).low
    assert "1000 cases of 200 patients" in grouped.notes[-1]
    assert found(alone, "sensitivity").claim_false is not None
    assert found(grouped, "sensitivity").claim_false is None
    again = judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), after, targets, groups=groups), SPEC, 0)
    assert again == grouped


def test_subgroups_are_told_and_decide_nothing(logits):
    """All decisions at site B are lost: the whole set is large enough to hide it."""
    scores, targets, _ = logits
    sites = np.where(np.arange(1000) < 60, "B", "A")
    after = np.where(sites == "B", 1 - sigmoid(scores), sigmoid(scores))
    wide = JudgeSpec(margins=Margins(auc=0.2, sensitivity=0.2, specificity=0.2, brier=0.2))
    both = pairs(BINARY, sigmoid(scores), after, targets, strata={"site": sites.tolist()})
    verdict = judge_pairs((BINARY,), both, wide, 0)
    assert verdict.outcome == "proven"
    assert found(verdict, "specificity", subgroup="site=B").outcome == "refuted"
    assert found(verdict, "specificity", subgroup="site=A").outcome == "proven"
    assert not any(each.subgroup for each in verdict.deciding)


def test_every_class_and_their_mean_must_pass():
    random = np.random.default_rng(1)
    classes = random.integers(3, size=900)
    scores = random.normal(size=(900, 3)) + 3 * np.eye(3)[classes]
    output = OutputSpec("organ", "multiclass", 3, ("liver", "lung", "heart"))
    good = judge_pairs((output,), pairs(output, softmax(scores), softmax(scores), classes), SPEC, 0)
    assert good.outcome == "proven"
    assert [each.label for each in good.differences if each.metric == "auc"] == [
        "macro", "liver", "lung", "heart",
    ]  # fmt: skip
    lost = scores.copy()
    lost[:, 2] -= 4
    bad = judge_pairs((output,), pairs(output, softmax(scores), softmax(lost), classes), SPEC, 0)
    assert found(bad, "sensitivity", "heart").outcome == "refuted"
    assert found(bad, "sensitivity", "liver").outcome == "proven"
    assert bad.outcome == "refuted"
    mean = np.mean([found(bad, "sensitivity", name).difference for name in output.labels])
    assert found(bad, "sensitivity", "macro").difference == pytest.approx(mean)


def test_a_class_without_cases_cannot_be_proven():
    random = np.random.default_rng(2)
    classes = random.integers(2, size=900)
    scores = softmax(random.normal(size=(900, 3)) + 3 * np.eye(3)[classes])
    output = OutputSpec("organ", "multiclass", 3)
    verdict = judge_pairs((output,), pairs(output, scores, scores, classes), SPEC, 0)
    assert verdict.outcome == "not provable"
    assert found(verdict, "sensitivity", "class 2").reason == "no positive case"
    assert found(verdict, "auc", "macro").reason == "mean of the 2 of 3 classes"


def test_every_label_must_pass():
    random = np.random.default_rng(3)
    targets = (random.random((800, 2)) < 0.4).astype(np.int64)
    scores = random.normal(3.0 * (2 * targets - 1), 1.0)
    output = OutputSpec("findings", "multilabel", 2, ("mass", "fluid"))
    after = scores.copy()
    after[:, 1] -= 3
    verdict = judge_pairs((output,), pairs(output, sigmoid(scores), sigmoid(after), targets), SPEC, 0)
    assert found(verdict, "sensitivity", "mass").outcome == "proven"
    assert found(verdict, "sensitivity", "fluid").outcome == "refuted"
    assert verdict.outcome == "refuted"
    assert found(verdict, "brier", "mass").outcome == "proven"


def test_regression_is_held_to_a_tenth_of_the_originals_error():
    random = np.random.default_rng(4)
    truth = random.normal(50, 10, 3000)
    before = truth + random.normal(0, 4, 3000)
    output = OutputSpec("age", "regression", 1, unit="years")

    def verdict(after, spec=SPEC):
        return judge_pairs((output,), pairs(output, before, after, truth), spec, 0)

    near = verdict(before + random.normal(0, 0.2, 3000))
    assert near.outcome == "proven"
    assert found(near, "bias").margin == pytest.approx(0.1 * np.abs(before - truth).mean())
    assert found(near, "r2").outcome is None
    assert near.limits[0].mean.n == 3000
    assert near.notes[0].startswith("age: a change that was not seen is taken to be at most")
    shifted = verdict(before + 1.0)
    assert found(shifted, "bias").outcome == "refuted"
    given = verdict(before + 1.0, JudgeSpec(margins=Margins(bias=1.5, mae=1.5)))
    assert found(given, "bias").outcome == "proven"
    assert Verdict.from_json(near.to_json()) == near
    told = verdict(before + 9.0, JudgeSpec(margins=Margins(bias=None, mae=20.0)))
    assert [each.metric for each in told.deciding] == ["mae"]
    assert told.outcome == "proven"


def test_a_tenth_of_no_error_is_no_margin():
    """The original is exact: nothing may pass, and nothing is refuted, for want of a margin."""
    truth = np.linspace(0, 9, 500)
    output = OutputSpec("age", "regression", 1)
    exact = pairs(output, truth, truth + 0.5, truth)
    verdict = judge_pairs((output,), exact, SPEC, 0)
    assert verdict.outcome == "not provable"
    for metric in ("bias", "mae"):
        assert found(verdict, metric).outcome == "not provable"
        assert "give bias and mae margins" in found(verdict, metric).reason
        assert found(verdict, metric).margin is None
    given = JudgeSpec(outputs={"age": {"bias": 1.0, "mae": 1.0}})
    assert judge_pairs((output,), exact, given, 0).outcome == "proven"


def test_an_output_without_a_margin_is_not_proven_by_another(logits):
    scores, targets, random = logits
    grade = OutputSpec("grade", "regression", 1)
    truth = random.normal(0, 1, 1000)
    answers = {"finding": sigmoid(scores), "grade": truth}
    both = Pairs(tuple(map(str, range(1000))), answers, answers, {"finding": targets, "grade": truth + 1})
    spec = JudgeSpec(outputs={"grade": {"bias": None, "mae": None}})
    verdict = judge_pairs((BINARY, grade), both, spec, 0)
    assert {each.outcome for each in verdict.deciding} == {"proven"}
    assert verdict.outcome == "not provable"


def test_two_outputs_are_one_verdict(logits):
    scores, targets, random = logits
    age = OutputSpec("age", "regression", 1)
    truth = random.normal(50, 10, 1000)
    both = Pairs(
        tuple(map(str, range(1000))),
        {"finding": sigmoid(scores), "age": truth + 1},
        {"finding": sigmoid(scores), "age": truth + 9},
        {"finding": targets, "age": truth},
    )
    verdict = judge_pairs((BINARY, age), both, SPEC, 0)
    assert verdict.outcome == "refuted"
    assert {each.output for each in verdict.differences} == {"finding", "age"}


def test_few_distinct_scores_are_told(logits):
    scores, targets, _ = logits
    coarse = np.round(sigmoid(scores) * 15) / 15
    verdict = judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), coarse, targets), SPEC, 0)
    assert "only 16 distinct scores" in verdict.notes[0]
    assert "keep the last layers in float" in verdict.notes[0]


def test_without_a_margin_nothing_is_proven(logits):
    scores, targets, _ = logits
    none = JudgeSpec(margins=Margins(auc=None, sensitivity=None, specificity=None, brier=None))
    verdict = judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), sigmoid(scores), targets), none, 0)
    assert verdict.outcome == "not provable"
    assert verdict.deciding == ()


def test_unsound_pairs_are_refused(logits):
    scores, targets, _ = logits
    with pytest.raises(BadInput, match="all 1000 cases are clear"):
        judge_pairs((BINARY,), pairs(BINARY, sigmoid(scores), sigmoid(scores), 0 * targets), SPEC, 0)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.049, 0.1, "proven"), (-0.05, 0.1, "not provable"), (-0.1, -0.05, "not provable"),
        (-0.2, -0.051, "refuted"), (-0.04, -0.01, "proven"),
    ],
)  # fmt: skip
def test_outcome_by_the_interval(low, high, outcome):
    assert outcome_of(low, high, 0.05) == outcome
