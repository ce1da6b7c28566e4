"""Numbers of groups."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge.groups import group_numbers


@pytest.mark.parametrize("names", [(), ("", "", ""), ("p1", "p2", "p3"), ("p1", "", "p2")])
def test_there_are_none_where_every_case_stands_for_itself(names: tuple[str, ...]) -> None:
    assert group_numbers(names) is None


def test_cases_of_one_group_share_a_number_and_those_without_have_their_own() -> None:
    numbers = group_numbers(("p2", "", "p1", "p2", "", "1"))
    assert numbers is not None
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [0, 1, 2, 0, 3, 4]


def test_one_patient_is_one_number() -> None:
    numbers = group_numbers(("p", "p"))
    assert numbers is not None
    assert numbers.tolist() == [0, 0]
