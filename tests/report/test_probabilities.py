"""Temperatures, reliability diagrams and prediction sets, where a compile has them."""

from __future__ import annotations

import dataclasses
import re

import pytest

from edgemed.types import Reliability


def test_nothing_is_shown_where_there_is_nothing(judged, look):
    assert look(judged).section("probabilities").page == ""


def test_a_temperature_is_told_with_its_threshold(calibrated, look):
    section = look(calibrated).section("probabilities")
    (row,) = section.all(r'<tr><th scope="row">finding</th>(.*?)</tr>')
    cells = [cell for cell in re.split(r"<[^>]+>", row) if cell]
    assert cells == ["1.62", "less extreme", "524", "0.241", "0.199", "0.500", "0.471"]
    sharper = dataclasses.replace(calibrated.temperatures[0], value=0.8)
    told = look(dataclasses.replace(calibrated, temperatures=(sharper,))).section("probabilities").text
    assert "more extreme" in told


def test_each_model_has_a_diagram_with_its_error_and_every_bin(calibrated, look):
    section = look(calibrated).section("probabilities")
    models = section.all(r"<figcaption><strong>([^<]*)</strong>")
    assert models == ["original before scaling", "original", "openvino-int8"]
    for diagram, drawing in zip(
        sorted(calibrated.reliability, key=lambda each: models.index(each.model)),
        section.all(r'<svg class="reliability-svg".*?</svg>'), strict=True,
    ):  # fmt: skip
        bins = len(diagram.counts)
        assert drawing.count("<circle") == drawing.count('class="whisker"') == bins > 5
        assert drawing.count('class="count"') == bins
        assert f"{diagram.counts[0]} cases" in drawing
        assert f"expected calibration error {diagram.ece:.4f}" in section.text


def test_a_perfect_bin_lies_on_the_diagonal(calibrated, look):
    one = Reliability("original", "finding", "", (0.25,), (0.25,), (0.1,), (0.4,), (40,), 0.0)
    (drawing,) = look(dataclasses.replace(calibrated, reliability=(one,))).all(
        r'<svg class="reliability-svg".*?</svg>'
    )
    line = [float(at) for at in re.search(
        r'class="chance" x1="(\S+)" y1="(\S+)" x2="(\S+)" y2="(\S+)"', drawing
    ).groups()]  # fmt: skip
    x, y = (float(at) for at in re.search(r'cx="(\S+)" cy="(\S+)"', drawing).groups())
    assert x == pytest.approx(line[0] + 0.25 * (line[2] - line[0]))
    assert y == pytest.approx(line[1] + 0.25 * (line[3] - line[1]))


def test_diagrams_that_are_too_many_are_counted(calibrated, look):
    one = calibrated.reliability[0]
    many = tuple(dataclasses.replace(one, label=f"finding {n}") for n in range(9))
    section = look(dataclasses.replace(calibrated, reliability=many)).section("probabilities")
    assert "3 more diagrams are in report.json" in section.text
    assert section.all("<h4>(.*?)</h4>") == [f"finding, finding {n}" for n in range(6)]


def test_coverage_is_told_by_class_and_marked_where_it_falls_short(calibrated, look):
    section = look(calibrated).section("probabilities")
    table = section.page.partition("Coverage of prediction sets")[2]
    found = re.findall(r'<tr><th scope="row">openvino-int8</th>(.*?)</tr>', table, re.S)
    cells = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]
    assert cells == [
        "finding all 624 90.54 % 87.97 to 92.72 % 1.02 0 % 0.221",
        "finding clear 234 82.00 % 76.00 to 86.00 % below 90 % 1.04 0 % 0.221",
        "finding pneumonia 390 96.00 % 93.00 to 98.00 % 1.01 1.00 % 0.221",
    ]
    assert "by class it is measured and not guaranteed" in section.text
