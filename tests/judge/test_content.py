"""Three sets that share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import ContentCheck
from edgemed.types import OutputSpec, Sample

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"))


def sample(name, value, label=None, group=None):
    targets = {} if label is None else {"finding": np.array(label, np.int64)}
    return Sample(name, {"image": np.full((2, 2), value, np.uint8)}, targets, group)


def watched(outputs=(BINARY,), **sets):
    check = ContentCheck(outputs)
    for role, samples in sets.items():
        assert list(check.watch(role, iter(samples))) == samples
    return check


def test_clean_sets_pass_and_classes_are_counted():
    check = watched(
        calibrate=[sample("c0", 1), sample("c1", 2)],
        select=[sample("s0", 3, 0), sample("s1", 4, 1)],
        accept=[sample("a0", 5, 0), sample("a1", 6, 1), sample("a2", 7, 1)],
    )
    assert check.finish() == ()
    assert check.class_counts("accept") == {"finding": {"clear": 1, "pneumonia": 2}}
    assert check.class_counts("calibrate") == {}


def test_shared_content_names_both_cases_and_sets_and_counts():
    check = watched(
        calibrate=[sample("c0", 1), sample("c1", 2), sample("c2", 3)],
        accept=[sample("other-name", 2, 0), sample("a1", 9, 1), sample("a2", 3, 1)],
    )
    with pytest.raises(BadInput, match="2 cases are in both the calibrate and the accept set") as caught:
        check.finish()
    assert "c1" in str(caught.value)
    assert "other-name" in str(caught.value)
    assert "--calibrate and --accept" in str(caught.value)


def test_the_same_bytes_in_another_shape_are_another_case():
    flat = Sample("flat", {"image": np.full(4, 1, np.uint8)}, {})
    assert watched(calibrate=[sample("c0", 1)], select=[flat]).finish() == ()


def test_shared_group_is_refused():
    check = watched(
        select=[sample("s0", 1, 0, "patient 7"), sample("s1", 2, 1, "patient 8")],
        accept=[sample("a0", 3, 0, "patient 9"), sample("a1", 4, 1, "patient 7")],
    )
    with pytest.raises(BadInput, match=r"1 groups .* such as patient 7"):
        check.finish()


def test_groups_in_one_set_alone_are_told():
    check = watched(
        calibrate=[sample("c0", 1), sample("c1", 2)],
        select=[sample("s0", 3, 0, "7"), sample("s1", 4, 1, "8")],
        accept=[sample("a0", 5, 0, "9"), sample("a1", 6, 1)],
    )
    (warning,) = check.finish()
    assert "given for select and accept but not for calibrate" in warning


@pytest.mark.parametrize("role", ["select", "accept"])
def test_one_class_only_is_refused_where_it_matters(role):
    check = watched(**{role: [sample("x0", 1, 1), sample("x1", 2, 1)]})
    with pytest.raises(BadInput, match=f"the {role} set has one class only for finding \\(no clear\\)"):
        check.finish()


def test_one_class_in_the_calibration_set_is_a_warning():
    warnings = watched(calibrate=[sample("c0", 1, 1), sample("c1", 2, 1)]).finish()
    assert warnings == ("the calibrate set has no case of clear (finding)",)


def test_duplicates_inside_a_set_are_counted_as_a_warning():
    check = watched(select=[sample("s0", 1, 0), sample("s1", 2, 1), sample("s2", 1, 0), sample("s3", 1, 0)])
    (warning,) = check.finish()
    assert "2 of 4 cases twice, such as s2 and s0" in warning


def test_multilabel_warns_for_one_label_and_refuses_for_all():
    output = OutputSpec("finding", "multilabel", 2, ("mass", "fluid"))
    mixed = [sample("a0", 1, [0, 0]), sample("a1", 2, [1, 0])]
    (warning,) = watched((output,), accept=mixed).finish()
    assert "fluid" in warning
    with pytest.raises(BadInput, match="no label of finding"):
        watched((output,), accept=[sample("a0", 1, [1, 0]), sample("a1", 2, [1, 0])]).finish()


def test_a_label_outside_its_range_names_the_case():
    with pytest.raises(BadInput, match="label 3 is outside 0 to 1") as caught:
        watched(select=[sample("s0", 1, 3)])
    assert "s0" in str(caught.value)
