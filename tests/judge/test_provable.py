"""An acceptance set that cannot prove anything is refused with what it takes."""

from __future__ import annotations

import pytest

from edgemed.errors import BadInput
from edgemed.judge import check_provable
from edgemed.types import JudgeSpec, Margins, OutputSpec

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"))


def test_every_figure_that_has_too_few_cases_is_told():
    with pytest.raises(BadInput) as error:
        check_provable(BINARY, {"clear": 300, "pneumonia": 60}, 360, JudgeSpec())
    assert "sensitivity: 60 positive cases, at least 73 (margin 0.05)" in error.value.problem
    assert "AUC: 60 positive cases, at least 189 (margin 0.02)" in error.value.problem
    assert "Brier score: 360 cases, at least 381 (margin 0.01)" in error.value.problem
    assert "specificity" not in error.value.problem
    assert "--no-gate" in error.value.remedy
    assert "--accept" in error.value.where


def test_enough_cases_wider_margins_and_no_gate_pass():
    check_provable(BINARY, {"clear": 300, "pneumonia": 200}, 500, JudgeSpec())
    wide = Margins(auc=0.1, sensitivity=0.1, specificity=0.1, brier=0.1)
    check_provable(BINARY, {"clear": 40, "pneumonia": 40}, 80, JudgeSpec(margins=wide))
    check_provable(BINARY, {"clear": 4, "pneumonia": 4}, 8, JudgeSpec(gate=False))


def test_a_margin_that_is_not_asked_for_needs_nothing():
    spec = JudgeSpec(margins=Margins(auc=None, sensitivity=None, specificity=None, brier=None, accuracy=0.05))
    check_provable(BINARY, {"clear": 73, "pneumonia": 0}, 73, spec)
    with pytest.raises(BadInput, match="accuracy: 72 cases, at least 73"):
        check_provable(BINARY, {"clear": 70, "pneumonia": 2}, 72, spec)


def test_each_class_and_each_label_counts():
    organ = OutputSpec("organ", "multiclass", 3, ("liver", "lung", "heart"))
    with pytest.raises(BadInput, match="sensitivity of heart: 20 positive cases") as error:
        check_provable(organ, {"liver": 400, "lung": 300, "heart": 20}, 720, JudgeSpec())
    assert "liver" not in error.value.problem
    findings = OutputSpec("findings", "multilabel", 2, ("mass", "fluid"))
    with pytest.raises(BadInput, match="specificity of fluid: 10 negative cases"):
        check_provable(findings, {"mass": 200, "fluid": 390}, 400, JudgeSpec())


def test_regression_has_no_such_bound():
    check_provable(OutputSpec("age", "regression", 1), {}, 5, JudgeSpec())
