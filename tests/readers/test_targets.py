"""A label's class: a name, or a number where names are none."""

from __future__ import annotations

import pytest

from edgemed.errors import BadInput
from edgemed.readers.targets import target_of
from edgemed.types import OutputSpec


def test_a_number_is_an_index_only_where_no_class_is_called_by_one():
    words = OutputSpec("kind", "multiclass", 3, ("fat", "oil", "water"))
    grades = OutputSpec("grade", "multiclass", 3, ("1", "2", "3"))
    assert [target_of(each, words).item() for each in ("oil", "2", "2.0")] == [1, 2, 2]
    assert [target_of(each, grades).item() for each in ("1", "3")] == [0, 2]
    for each in ("0", "4"):
        with pytest.raises(BadInput, match=f"label '{each}' is no class of output 'grade'"):
            target_of(each, grades)
