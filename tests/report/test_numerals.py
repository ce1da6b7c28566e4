"""How the report writes numbers."""

from __future__ import annotations

import pytest

from edgemed.report import numerals
from edgemed.types import Figure, SpeedRatio


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ").replace("−", "-")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1416, "0.142"), (8.2, "8.20"), (42.13, "42.1"), (1234.5, "1 234"), (0, "0"), (-0.5, "-0.500"),
     (2.4e-7, "2.40e-07"), (0.00123, "0.00123"), (None, "–")],
)  # fmt: skip
def test_significant(value, text):
    assert plain(numerals.significant(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100 %"), (0.99999, "> 99.99 %"), (0.9968, "99.68 %"), (0.5, "50 %"), (0.0, "0 %"), (None, "–")],
)
def test_share_never_rounds_up_to_all(value, text):
    assert plain(numerals.share(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0012, "+0.0012"), (-0.00003, "-0.00003"), (0.0, "0"), (-2e-9, "-2e-09"), (None, "–")],
)
def test_signed_keeps_small_differences(value, text):
    assert plain(numerals.signed(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(812, "812 B"), (2048, "2.00 KiB"), (11_236_104, "10.7 MiB"), (None, "–")]
)
def test_size(value, text):
    assert plain(numerals.size(value)) == text


@pytest.mark.parametrize(("value", "text"), [(0.25, "250 ms"), (18.7, "18.7 s"), (125.0, "2 min 05 s")])
def test_seconds(value, text):
    assert plain(numerals.seconds(value)) == text


def test_times_turns_the_ratio_and_its_interval_over():
    ratio = SpeedRatio(0.25, 0.2, 0.5, 10, 8.0, 2.0)
    assert numerals.times(ratio) == "4.00×"
    assert numerals.times_interval(ratio) == "2.00 to 5.00"


def test_a_figure_with_a_unit_and_one_without_value():
    assert plain(numerals.figure(Figure("mae", 4.211, 80, unit="years"))) == "4.21 years"
    assert numerals.figure(Figure("auc", None, 3, reason="every case is positive")) == "–"
    assert numerals.interval(Figure("auc", 0.9, 3)) == ""
