"""Labels that can tell good answers from bad ones."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import LabelCheck
from edgemed.types import OutputSpec

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"))
FINDINGS = OutputSpec("finding", "multilabel", 2, ("mass", "fluid"))


def checked(labels, output=BINARY, role="select"):
    check = LabelCheck(role, (output,))
    for index, label in enumerate(labels):
        check.add(f"s{index}", {"finding": np.array(label)})
    return check


def test_classes_are_counted():
    check = checked([0, 1, 1])
    assert check.finish() == ()
    assert check.class_counts == {"finding": {"clear": 1, "pneumonia": 2}}


@pytest.mark.parametrize("role", ["select", "accept"])
def test_one_class_only_is_refused(role):
    with pytest.raises(
        BadInput, match=f"the {role} set has one class only for finding \\(no clear\\)"
    ) as caught:
        checked([1, 1], role=role).finish()
    assert caught.value.where == f"--{role}"


def test_a_class_without_a_case_is_a_warning():
    digits = OutputSpec("finding", "multiclass", 3, ("a", "b", "c"))
    assert checked([0, 2], digits).finish() == ("the select set has no case of b (finding)",)


def test_multilabel_warns_for_one_label_and_refuses_for_all():
    (warning,) = checked([[0, 0], [1, 0]], FINDINGS).finish()
    assert "lacks positives or negatives for fluid" in warning
    with pytest.raises(BadInput, match="no label of finding"):
        checked([[1, 0], [1, 0]], FINDINGS).finish()


def test_values_are_not_counted():
    check = checked([[1.5], [1.5]], OutputSpec("finding", "regression", 1))
    assert (check.finish(), check.class_counts) == ((), {})


def test_a_label_outside_its_range_names_the_case():
    with pytest.raises(BadInput, match="label 3 is outside 0 to 1") as caught:
        checked([0, 3])
    assert "case s1 of --select" in caught.value.where
