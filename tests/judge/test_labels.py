"""Labels that can tell good answers from bad ones."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import check_classes
from edgemed.types import OutputSpec

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"))
FINDINGS = OutputSpec("finding", "multilabel", 2, ("mass", "fluid"))


def test_classes_are_counted():
    assert check_classes("select", BINARY, np.array([0, 1, 1])) == ({"clear": 1, "pneumonia": 2}, ())


@pytest.mark.parametrize("role", ["select", "accept"])
def test_one_class_only_is_refused(role):
    with pytest.raises(
        BadInput, match=f"the {role} set has one class only for finding \\(no clear\\)"
    ) as caught:
        check_classes(role, BINARY, np.array([1, 1]))
    assert caught.value.where == f"--{role}"


def test_a_class_without_a_case_is_a_warning():
    digits = OutputSpec("finding", "multiclass", 3, ("a", "b", "c"))
    _, warnings = check_classes("select", digits, np.array([0, 2]))
    assert warnings == ("the select set has no case of b (finding)",)


def test_multilabel_warns_for_one_label_and_refuses_for_all():
    counts, (warning,) = check_classes("select", FINDINGS, np.array([[0, 0], [1, 0]]))
    assert counts == {"mass": 1, "fluid": 0}
    assert "lacks positives or negatives for fluid" in warning
    with pytest.raises(BadInput, match="no label of finding"):
        check_classes("select", FINDINGS, np.array([[1, 0], [1, 0]]))


def test_a_label_outside_its_range_is_refused():
    with pytest.raises(BadInput, match="label 3 is outside 0 to 1"):
        check_classes("select", BINARY, np.array([0, 3]))
