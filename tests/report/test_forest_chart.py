"""The forest plot: every interval in units of its own margin, outcomes told apart without colour."""

from __future__ import annotations

import re

import pytest

from edgemed.report.forest_chart import MOST, drawn, forest_chart


@pytest.fixture
def plot():
    """Positions in per cent by class, of each row."""

    def of(differences):
        drawing = str(forest_chart(differences))
        found = []
        for row in re.findall(r'<div class="forest-row ((?!foot).*?)</div>', drawing, re.S):
            lines = re.findall(r'class="(limit|zero|span)" x1="([\d.]+)%" x2="([\d.]+)%"', row)
            at = re.findall(r'class="at" x="([\d.]+)%"', row)
            found.append(
                {
                    "look": row.partition('"')[0],
                    "margin": next(float(a) for name, a, _ in lines if name == "limit"),
                    "zero": next(float(a) for name, a, _ in lines if name == "zero"),
                    "span": next(((float(a), float(b)) for name, a, b in lines if name == "span"), None),
                    "at": float(at[0]) if at else None,
                    "arrows": re.findall("[◂▸]", row),
                    "shape": re.findall(r'<(path|circle) class="point"', row),
                }
            )
        return found

    return of


def test_each_row_is_scaled_by_its_margin(difference, plot):
    fine, coarse = plot(
        [difference("auc", -0.008, 0.004, 0.02, "proven"), difference("brier", -0.004, 0.002, 0.01, "proven")]
    )
    assert fine == coarse
    unit = fine["zero"] - fine["margin"]
    assert fine["span"] == pytest.approx((fine["zero"] - 0.4 * unit, fine["zero"] + 0.2 * unit), abs=0.02)
    assert fine["at"] == pytest.approx(fine["zero"] - 0.1 * unit, abs=0.02)


def test_outcomes_differ_in_shape_and_side_of_the_margin(difference, plot):
    proven, refuted, neither = plot(
        [
            difference("auc", -0.01, 0.01, 0.02, "proven"),
            difference("auc", -0.09, -0.03, 0.02, "refuted"),
            difference("auc", -0.05, 0.01, 0.02, "not provable"),
        ]
    )
    assert proven["margin"] < proven["span"][0]
    assert refuted["span"][1] < refuted["margin"]
    assert neither["span"][0] < neither["margin"] < neither["span"][1]
    assert [each["shape"] for each in (proven, refuted, neither)] == [["circle"], ["path"], ["circle"]]
    assert [each["look"] for each in (proven, refuted, neither)] == ["proven", "refuted", "open"]


def test_what_lies_far_beyond_is_an_arrow_at_the_edge(difference, plot):
    (far,) = plot([difference("auc", -0.5, -0.4, 0.02, "refuted")])
    assert (far["arrows"], far["at"]) == (["◂"], None)
    (wide,) = plot([difference("auc", -0.01, 0.09, 0.02, "proven")])
    assert wide["arrows"] == ["▸"]


@pytest.mark.parametrize("low", [-0.01, -0.06, -0.5])
def test_what_is_better_always_has_room_to_be_named(difference, plot, low):
    (row,) = plot([difference("auc", low, low + 0.001, 0.02, "refuted" if low < -0.02 else "proven")])
    assert row["zero"] <= 80.0


def test_of_many_rows_those_nearest_to_their_margin_are_drawn(difference):
    many = [
        difference("auc", -0.0001 * number, 0.01, 0.02, "proven", label=str(number)) for number in range(60)
    ]
    found = drawn(many)
    assert [each.label for each in found] == [str(number) for number in range(60 - MOST, 60)]
