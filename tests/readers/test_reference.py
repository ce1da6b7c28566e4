"""References: parsing, rendering and what is refused."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.readers.reference import Reference

WORD = st.text(string.ascii_letters + string.digits + "_.+ -é", min_size=1, max_size=8)
PATHS = st.text(string.ascii_letters + string.digits + "_./: -", min_size=1, max_size=20).filter(
    lambda path: "::" not in path and not path.endswith(":")
)


@given(
    PATHS,
    st.dictionaries(WORD.filter(lambda key: key != "rows"), WORD, max_size=4),
    st.integers(0, 99),
    st.none() | st.integers(0, 99),
)
def test_round_trip(path: str, keys: dict[str, str], start: int, stop: int | None) -> None:
    reference = Reference(path, keys, start, stop)
    assert Reference.parse(str(reference)) == reference


@given(st.text(max_size=30))
def test_any_text_parses_or_is_bad_input(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except BadInput:
        return
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    ["", "::x=a", "a.npz::", "a.npz::x", "a.npz::x=", "a.npz::=b", "a::x=1,x=2", "a::rows=3", "a::rows=-1:4"],
)
def test_malformed(text: str) -> None:
    with pytest.raises(BadInput):
        Reference.parse(text)


def test_span() -> None:
    assert Reference.parse("a::rows=2:5").span(10) == range(2, 5)
    assert Reference.parse("a::rows=:5").span(5) == range(5)
    assert Reference.parse("a::rows=4:").span(5) == range(4, 5)
    for text, length in (("a::rows=2:5", 4), ("a::rows=3:3", 9), ("a::rows=9:", 9), ("a", 0)):
        with pytest.raises(BadInput):
            Reference.parse(text).span(length)


def test_missing_path_suggests_the_near_name(tmp_path: Path) -> None:
    (tmp_path / "images.npz").touch()
    with pytest.raises(BadInput, match=r"no such file or folder: image\.npz") as caught:
        Reference.parse("image.npz").resolve(tmp_path)
    assert "images.npz" in caught.value.remedy
    assert str(tmp_path) not in str(caught.value)
