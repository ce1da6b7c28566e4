"""Three sets that share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import ContentCheck
from edgemed.types import InputSpec, Sample


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
        accept=[sample("a0", 5, "9"), sample("a1", 6, "9")],
    )
    (warning,) = check.finish()
    assert "given for select and accept but not for calibrate" in warning


def test_cases_without_a_group_in_a_set_with_groups_are_told():
    (warning,) = watched(accept=[sample("a0", 5, "9"), sample("a1", 6), sample("a2", 7)]).finish()
    assert warning == (
        "2 of 3 cases of the accept set have no group (patient), such as a1: each is taken for a patient of "
        "its own"
    )


def noise(name, seed, factor=1.0):
    pixels = np.random.default_rng(seed).integers(0, 250, (16, 16))
    return Sample(name, {"image": np.rint(pixels * factor).astype(np.uint8)}, {})


@pytest.mark.parametrize("layout", ["HW", ""])
def test_near_cases_of_two_sets_are_told_with_three_of_their_names(layout):
    check = ContentCheck([InputSpec("image", "uint8", (16, 16), layout)])
    select = [noise(f"s{seed}", seed) for seed in range(20)]
    accept = [noise(f"a{seed}", seed + 50) for seed in range(20)]
    accept[3:7] = [noise(f"a{seed}", seed, 0.9) for seed in range(3, 7)]
    for role, samples in (("select", select), ("accept", accept)):
        list(check.watch(role, samples))
    (warning,) = check.finish()
    assert warning.startswith(
        "4 of 20 cases of the accept set are nearly the same as one of the select set, such as a3 and s3, "
        "a4 and s4, a5 and s5: "
    )


def test_duplicates_inside_a_set_are_counted_as_a_warning():
    check = watched(select=[sample("s0", 1), sample("s1", 2), sample("s2", 1), sample("s3", 1)])
    (warning,) = check.finish()
    assert "2 of 4 cases twice, such as s2 and s0" in warning
    assert "one group" in warning
