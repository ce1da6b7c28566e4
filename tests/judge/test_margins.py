"""Margins of single outputs are of outputs and metrics that there are."""

from __future__ import annotations

import pytest

from edgemed.errors import BadInput
from edgemed.judge import check_margins
from edgemed.types import JudgeSpec, OutputSpec

OUTPUTS = (OutputSpec("finding", "binary", 1), OutputSpec("age", "regression", 1))


def test_margins_that_fit_pass():
    check_margins(OUTPUTS, JudgeSpec())
    check_margins(
        OUTPUTS,
        JudgeSpec(outputs={"finding": {"log_loss": 0.1, "auc": None}, "age": {"mae": "tenth", "r2": 0.1}}),
    )


def test_an_output_that_is_none_is_refused():
    with pytest.raises(BadInput, match="no output 'findin'") as error:
        check_margins(OUTPUTS, JudgeSpec(outputs={"findin": {"auc": 0.1}}))
    assert "did you mean 'finding'" in error.value.remedy
    assert error.value.where == "judge.outputs.findin"


@pytest.mark.parametrize(
    ("output", "metric", "kind"),
    [("finding", "mae", "binary"), ("finding", "bias", "binary"), ("age", "sensitivity", "regression")],
)
@pytest.mark.parametrize("margin", [0.1, None])
def test_a_metric_of_another_kind_is_refused(output, metric, kind, margin):
    with pytest.raises(BadInput, match=f"{metric} is no metric of a {kind} output") as error:
        check_margins(OUTPUTS, JudgeSpec(outputs={output: {metric: margin}}))
    assert error.value.where == f"judge.outputs.{output}.{metric}"
