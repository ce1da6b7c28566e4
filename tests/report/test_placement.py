"""Labels lie beside their points and never upon one another."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edgemed.report.axis import Axis, tick_text
from edgemed.report.placement import Box, place

FRAME = Box(250, 150, 386, 250)
POINTS = st.lists(
    st.tuples(st.floats(57, 443), st.floats(25, 275)).map(lambda at: Box(*at, 11, 11)), min_size=1, max_size=9
)


@settings(max_examples=300, deadline=None)
@given(POINTS)
def test_labels_of_any_points_are_apart_and_inside(points):
    boxes = place(points, [(15.0, 13.0)] * len(points), FRAME)
    for index, box in enumerate(boxes):
        assert box.lies_in(FRAME)
        assert all(box.overlap(other) == 0 for other in boxes[:index])
        assert all(box.overlap(point) == 0 for point in points)
        assert abs(box.x - points[index].x) < 90
        assert abs(box.y - points[index].y) < 90


def test_labels_of_one_spot_fan_out():
    boxes = place([Box(250, 150, 11, 11)] * 12, [(15.0, 13.0)] * 12, FRAME)
    assert all(a.overlap(b) == 0 for n, a in enumerate(boxes) for b in boxes[:n])


def test_what_is_taken_is_kept_free():
    taken = Box(250, 138, 60, 13)
    (box,) = place([Box(250, 150, 11, 11)], [(15.0, 13.0)], FRAME, [taken])
    assert box.overlap(taken) == 0


@settings(max_examples=300, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e6), st.integers(5, 8))
def test_ticks_are_few_round_and_within(low, span, most):
    axis = Axis(low, low + span, 0, 100)
    ticks = axis.ticks(most)
    assert len(ticks) <= most + 1
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    assert len(ticks) >= 2


def test_what_lies_beyond_an_axis_is_put_at_its_edge():
    axis = Axis(0, 2, 300, 100)
    assert [axis.at(value) for value in (-1, 0, 1, 2, float("inf"))] == [300, 300, 200, 100, 100]
    assert not axis.holds(2.1)


def test_ticks_are_told_in_the_unit_of_the_axis():
    assert tick_text(-0.002) == "\N{MINUS SIGN}0.002"
    assert tick_text(0.015, percent=True) == "1.5\N{NARROW NO-BREAK SPACE}%"
