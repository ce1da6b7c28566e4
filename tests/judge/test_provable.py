"""An acceptance set that cannot prove anything is refused with what it takes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import Pairs, check_provable, judge_pairs
from edgemed.judge.provable import MOST_TOLD
from edgemed.types import JudgeSpec, Margins, OutputSpec

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"))
NONE = Margins(auc=None, sensitivity=None, specificity=None, brier=None)


def labels(*counts):
    return np.repeat(np.arange(len(counts)), counts)


def only(**margins):
    return JudgeSpec(margins=dataclasses.replace(NONE, **margins))


def test_every_figure_that_has_too_few_cases_is_told():
    with pytest.raises(BadInput) as error:
        check_provable(BINARY, labels(300, 60), None, JudgeSpec())
    assert "sensitivity: 60 positive cases, at least 73 (margin 0.05)" in error.value.problem
    assert "AUC: 60 positive cases, at least 189 (margin 0.02)" in error.value.problem
    assert "Brier score: 360 cases, at least 381 (margin 0.01)" in error.value.problem
    assert "specificity" not in error.value.problem
    assert "--no-gate" in error.value.remedy
    assert "--accept" in error.value.where


def test_enough_cases_wider_margins_and_no_gate_pass():
    check_provable(BINARY, labels(300, 200), None, JudgeSpec())
    wide = Margins(auc=0.1, sensitivity=0.1, specificity=0.1, brier=0.1)
    check_provable(BINARY, labels(40, 40), None, JudgeSpec(margins=wide))
    check_provable(BINARY, labels(4, 4), None, JudgeSpec(gate=False))


def test_a_margin_that_is_not_asked_for_needs_nothing():
    check_provable(BINARY, labels(73, 0), None, only(accuracy=0.05))
    with pytest.raises(BadInput, match="accuracy: 72 cases, at least 73"):
        check_provable(BINARY, labels(70, 2), None, only(accuracy=0.05))


def test_each_class_and_each_label_counts():
    organ = OutputSpec("organ", "multiclass", 3, ("liver", "lung", "heart"))
    with pytest.raises(BadInput, match="sensitivity of heart: 20 positive cases") as error:
        check_provable(organ, labels(400, 300, 20), None, JudgeSpec())
    assert "liver" not in error.value.problem
    findings = OutputSpec("findings", "multilabel", 2, ("mass", "fluid"))
    targets = np.stack([np.arange(400) < 200, np.arange(400) < 390], axis=1).astype(np.int64)
    with pytest.raises(BadInput, match="specificity of fluid: 10 negative cases"):
        check_provable(findings, targets, None, JudgeSpec())


def test_of_many_classes_the_first_figures_are_told():
    output = OutputSpec("organ", "multiclass", 12)
    with pytest.raises(BadInput, match=r"; and [0-9]+ more") as caught:
        check_provable(output, np.arange(120) % 12, None, JudgeSpec())
    assert caught.value.problem.count("margin") == MOST_TOLD


def test_patients_count_and_not_their_pictures():
    """800 cases are enough; 20 patients with 40 each are not, whatever the answers."""
    targets = labels(400, 400)
    check_provable(BINARY, targets, None, JudgeSpec())
    with pytest.raises(BadInput) as error:
        check_provable(BINARY, targets, np.arange(800) // 40, JudgeSpec())
    assert "sensitivity: 400 positive cases count as 10 patients, at least 73" in error.value.problem
    assert "AUC: 400 negative cases count as 10 patients, at least 189" in error.value.problem
    assert "Brier score: 800 cases count as 20 patients" in error.value.problem


def test_one_patient_with_most_cases_counts_for_most():
    """Of 150 positive cases 76 are of one patient: they count as six."""
    targets, groups = labels(300, 150), np.arange(450)
    groups[300:376] = 300
    with pytest.raises(BadInput, match="sensitivity: 150 positive cases count as 6 patients"):
        check_provable(BINARY, targets, groups, only(sensitivity=0.05))
    check_provable(BINARY, targets, groups, only(specificity=0.05))


@pytest.mark.parametrize("gate", [True, False])
def test_one_patient_is_refused_with_or_without_a_gate(gate):
    with pytest.raises(BadInput, match="all 600 cases are of one patient or group"):
        check_provable(BINARY, labels(300, 300), np.zeros(600, np.int64), JudgeSpec(gate=gate))


def test_log_loss_has_a_bound_too():
    with pytest.raises(BadInput, match="log loss: 500 cases, at least 6") as error:
        check_provable(BINARY, labels(300, 200), None, only(log_loss=0.01))
    assert "edgemed power" in error.value.remedy
    check_provable(BINARY, labels(300, 200), None, only(log_loss=0.2))


def test_of_a_regression_absolute_margins_are_held_to_the_range_of_labels():
    age = OutputSpec("age", "regression", 1)
    truth = np.linspace(20, 90, 50)
    check_provable(age, truth, None, JudgeSpec())
    check_provable(age, truth, None, only(bias=9.0, mae=9.0))
    for metric, name in (("bias", "bias"), ("mae", "MAE"), ("r2", "R2")):
        with pytest.raises(BadInput, match=f"{name}: 50 cases, at least"):
            check_provable(age, truth, None, only(**{metric: 0.1}))
    check_provable(age, np.full(50, 3.0), None, only(bias=0.1))


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("cases", [280, 292, 300, 800])
def test_what_is_refused_is_what_identical_answers_do_not_prove(cases, size):
    targets = np.arange(cases) // size % 2
    groups = np.arange(cases) // size if size > 1 else None
    scores = np.random.default_rng(0).random(cases)
    names = tuple(map(str, range(cases)))
    pairs = Pairs(names, {"finding": scores}, {"finding": scores}, {"finding": targets}, groups)
    spec = only(sensitivity=0.05, specificity=0.05)
    try:
        check_provable(BINARY, targets, groups, spec)
    except BadInput:
        refused = True
    else:
        refused = False
    assert refused == (judge_pairs((BINARY,), pairs, spec, 0).outcome != "proven")
