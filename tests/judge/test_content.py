"""Three sets that share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import ContentCheck
from edgemed.types import Sample


def sample(name, value, group=None):
    return Sample(name, {"image": np.full((2, 2), value, np.uint8)}, {}, group)


def watched(**sets):
    check = ContentCheck()
    for role, samples in sets.items():
        assert list(check.watch(role, iter(samples))) == samples
    return check


def test_clean_sets_pass():
    check = watched(
        calibrate=[sample("c0", 1), sample("c1", 2)],
        select=[sample("s0", 3), sample("s1", 4)],
        accept=[sample("a0", 5), sample("a1", 6), sample("a2", 7)],
    )
    assert check.finish() == ()


def test_shared_content_names_every_two_sets_and_three_cases_of_each():
    check = watched(
        calibrate=[sample(f"c{value}", value) for value in (1, 2, 3, 4, 5)],
        select=[sample(f"s{value}", value) for value in (8, 9)],
        accept=[sample(f"a{value}", value) for value in (5, 9, 4, 3, 2)],
    )
    with pytest.raises(BadInput) as caught:
        check.finish()
    assert caught.value.problem == (
        "4 cases are in both the calibrate and the accept set, such as c2 = a2, c3 = a3, c4 = a4; "
        "1 case is in both the select and the accept set, such as s9 = a9"
    )
    assert caught.value.where == "--calibrate and --select and --accept"


def test_the_same_bytes_in_another_shape_are_another_case():
    flat = Sample("flat", {"image": np.full(4, 1, np.uint8)}, {})
    assert watched(calibrate=[sample("c0", 1)], select=[flat]).finish() == ()


def test_shared_group_is_refused():
    check = watched(
        select=[sample("s0", 1, "patient 7"), sample("s1", 2, "patient 8")],
        accept=[sample("a0", 3, "patient 9"), sample("a1", 4, "patient 7")],
    )
    with pytest.raises(
        BadInput, match=r"1 group is in both the select and the accept set, such as patient 7"
    ):
        check.finish()


def test_groups_in_one_set_alone_are_told():
    check = watched(
        calibrate=[sample("c0", 1), sample("c1", 2)],
        select=[sample("s0", 3, "7"), sample("s1", 4, "8")],
        accept=[sample("a0", 5, "9"), sample("a1", 6)],
    )
    (warning,) = check.finish()
    assert "given for select and accept but not for calibrate" in warning


def test_duplicates_inside_a_set_are_counted_as_a_warning():
    check = watched(select=[sample("s0", 1), sample("s1", 2), sample("s2", 1), sample("s3", 1)])
    (warning,) = check.finish()
    assert "2 of 4 cases twice, such as s2 and s0" in warning
