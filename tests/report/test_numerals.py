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
     (2.4e-7, "2.40e-07"), (0.00123, "0.00123"), (0.9996, "1.00"), (99.96, "100"), (None, "–")],
)  # fmt: skip
def test_significant(value, text):
    assert plain(numerals.significant(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100 %"), (0.99999, "> 99.99 %"), (623 / 624, "99.84 %"), (0.5, "50.00 %"), (0.00002, "< 0.01 %"),
     (0.0, "0 %"), (1e-16, "0 %"), (None, "–")],
)  # fmt: skip
def test_share_is_all_or_none_only_where_it_is(value, text):
    assert plain(numerals.share(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0012, "+0.0012"), (-0.00003, "-0.00003"), (0.0, "0"), (-2e-9, "-2e-09"), (1.1e-16, "0"),
     (-1.1e-16, "0"), (None, "–")],
)  # fmt: skip
def test_signed_keeps_small_differences_and_no_rounding_noise(value, text):
    assert plain(numerals.signed(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(812, "812 B"), (2048, "2.00 KiB"), (11_236_104, "10.7 MiB"), (None, "–")]
)
def test_size(value, text):
    assert plain(numerals.size(value)) == text


@pytest.mark.parametrize(("value", "text"), [(0.25, "0.2 s"), (18.7, "18.7 s"), (125.0, "2 min 05 s")])
def test_seconds(value, text):
    assert plain(numerals.seconds(value)) == text


def test_a_ratio_and_its_interval():
    ratio = SpeedRatio(0.25, 0.2, 0.5, 10, 8.0, 2.0)
    assert numerals.ratio(ratio) == "0.250"
    assert numerals.ratio_interval(ratio) == "0.200 to 0.500"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.9652, "0.965"), (1.0, "1.000"), (1 - 1e-16, "1.000"), (0.9998, "0.9998"), (0.99999, "0.99999"),
     (0.0, "0.000"), (-0.0003, "-0.0003"), (-1e-17, "0.000"), (-1.25, "-1.250")],
)  # fmt: skip
def test_a_mark_is_0_or_1_only_where_it_is(value, text):
    assert plain(numerals.figure(Figure("r2", value, 10))) == text


def test_a_figure_with_a_unit_and_one_without_value():
    assert plain(numerals.figure(Figure("mae", 4.211, 80, unit="years"))) == "4.21 years"
    assert numerals.figure(Figure("auc", None, 3, reason="every case is positive")) == "–"
    assert numerals.interval(Figure("auc", 0.9, 3)) == ""
