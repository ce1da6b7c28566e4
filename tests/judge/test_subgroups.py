"""Subgroups: bands of numbers, small ones pooled, unknown ones told."""

from __future__ import annotations

import numpy as np

from edgemed.judge.subgroups import subgroups


def test_values_are_subgroups_and_small_ones_are_pooled():
    sites = ["A"] * 40 + ["B"] * 30 + ["C"] * 6 + ["D"] * 5
    found, notes = subgroups({"site": sites}, 81)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "site=A": 40, "site=B": 30, "site: fewer than 10 cases each": 11,
    }  # fmt: skip
    assert notes == ()


def test_what_is_too_small_even_pooled_is_told():
    found, notes = subgroups({"sex": ["f"] * 30 + ["m"] * 30 + ["x"] * 3}, 63)
    assert set(found) == {"sex=f", "sex=m"}
    assert notes == ("sex: 3 cases of 1 small subgroups are not told apart",)


def test_ages_are_told_in_four_bands_of_like_size():
    ages = [str(age) for age in range(20, 100)]
    found, _ = subgroups({"age": ages}, 80)
    assert list(found) == ["age=20-39", "age=40-59", "age=60-79", "age=80-99"]
    assert [int(mask.sum()) for mask in found.values()] == [20, 20, 20, 20]
    assert np.sum(list(found.values()), axis=0).tolist() == [1] * 80


def test_unknown_cases_are_in_no_subgroup_and_told():
    ages = [str(age) if age % 4 else "" for age in range(100)]
    found, notes = subgroups({"age": ages}, 100)
    assert sum(int(mask.sum()) for mask in found.values()) == 75
    assert notes == ("age is not known of 25 of 100 cases",)


def test_numbers_of_few_values_are_no_bands_and_one_value_is_no_subgroup():
    found, _ = subgroups({"grade": ["1", "2", "3"] * 20, "site": ["A"] * 60, "scanner": [""] * 60}, 60)
    assert set(found) == {"grade=1", "grade=2", "grade=3"}


def test_pooled_cases_leave_a_value_of_any_name_alone():
    sites = ["other"] * 40 + ["B"] * 30 + ["C"] * 6 + ["D"] * 5
    found, _ = subgroups({"site": sites}, 81)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "site=other": 40, "site=B": 30, "site: fewer than 10 cases each": 11,
    }  # fmt: skip


def test_bands_of_long_numbers_keep_their_names_apart():
    days = [str(20240101 + day) for day in range(28) for _ in range(10)]
    found, notes = subgroups({"day": days}, 280)
    assert list(found) == [
        "day=20240101-20240107", "day=20240108-20240114", "day=20240115-20240121", "day=20240122-20240128",
    ]  # fmt: skip
    assert notes == ()


def test_the_whole_set_is_no_subgroup():
    found, notes = subgroups({"site": [f"s{index}" for index in range(20)]}, 20)
    assert found == {}
    assert notes == ("site: 20 cases of 20 small subgroups are not told apart",)
    assert subgroups({"site": ["A"] * 30 + [""] * 9}, 39)[0] == {}
