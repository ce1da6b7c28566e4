"""The trade-off: each compared candidate a point at its ratio and its loss, as the figures have them."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

from edgemed.judge import agreement
from edgemed.report.losses import losses
from edgemed.report.trade_off import trade_off
from edgemed.report.trade_off_chart import HEIGHT, LEFT, MOST_RATIO, RIGHT, TOP, WIDTH, trade_off_chart
from edgemed.types import OutputSpec

AGE = OutputSpec("age", "regression", 1, unit="years")


def changed(compilation, of, **fields):
    """The compilation with other fields of one candidate."""
    candidates = [dataclasses.replace(x, **fields) if x.id == of else x for x in compilation.candidates]
    return dataclasses.replace(compilation, candidates=tuple(candidates))


def compared(compilation, change):
    """The compilation with every comparison on the selection set replaced by what `change` gives for it."""
    return dataclasses.replace(
        compilation,
        candidates=tuple(
            dataclasses.replace(each, select_agreement=tuple(change(each)) if each.select_agreement else None)
            for each in compilation.candidates
        ),
    )


def dots(drawing):
    """[(look, shape, x, y)] of the points: middle of a disc or square, tip of an arrow."""
    found = []
    for look, inside in re.findall(r'<g class="(best|kept|dropped)">(.*?)</g>', drawing):
        shape, x, y = re.search(
            r'<(circle|rect|polygon) class="dot" (?:c?x|points)="([\d.]+)(?:,|" c?y=")([\d.]+)', inside
        ).groups()
        half = 4.5 if shape == "rect" else 0.0
        found.append((look, shape, float(x) + half, float(y) + half))
    return found


def numbers(drawing):
    found = re.findall(r'<text class="number" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)<', drawing)
    return {text: (float(x), float(y)) for x, y, text in found}


def original(drawing):
    x, y = re.search(r'class="cross" d="M([\d.]+) ([\d.]+)h14', drawing).groups()
    return float(x) + 7, float(y)


def test_points_lie_where_ratio_and_loss_put_them(compilation):
    found = trade_off(compilation)
    drawing = trade_off_chart(found)
    zero_x, zero_y = original(drawing)
    limit = float(re.search(r'class="limit" [^>]*y1="([\d.]+)"', drawing)[1])
    per_loss = (zero_y - limit) / compilation.agreement.auc
    assert [each.number for each in found.timed] == [1, 2, 3, 4, 5, 6]
    for entry, (look, shape, x, y) in zip(found.timed, dots(drawing), strict=True):
        fall = -entry.it.select_agreement[0].difference("auc").value
        assert x - LEFT == pytest.approx(entry.it.ratio.ratio * (zero_x - LEFT), abs=0.2)
        assert zero_y - y == pytest.approx(fall * per_loss, abs=0.2)
        assert shape == "circle"
        assert look == ("best" if entry.it.id == compilation.best else entry.it.status)


def test_whiskers_are_the_intervals(compilation):
    found = trade_off(compilation)
    drawing = trade_off_chart(found)
    zero_x, zero_y = original(drawing)
    per_loss = (zero_y - float(re.search(r'class="limit" [^>]*y1="([\d.]+)"', drawing)[1])) / 0.002
    first = re.search(r'<g class="best">(.*?)</g>', drawing)[1]
    lines = [
        tuple(map(float, each))
        for each in re.findall(r'x1="([\d.]+)" x2="([\d.]+)" y1="([\d.]+)" y2="([\d.]+)"', first)
    ]
    (x1, x2, *_), (_, _, y1, y2) = lines
    ratio, auc = found.timed[0].it.ratio, found.timed[0].it.select_agreement[0].difference("auc")
    assert (x1 - LEFT, x2 - LEFT) == pytest.approx(
        (ratio.low * (zero_x - LEFT), ratio.high * (zero_x - LEFT)), abs=0.2
    )
    assert (zero_y - y1, zero_y - y2) == pytest.approx((-auc.high * per_loss, -auc.low * per_loss), abs=0.2)


def test_the_legend_has_every_figure(compilation, look):
    legend = look(compilation).section("trade-off")
    for entry in trade_off(compilation).timed:
        row = f"{entry.number} {entry.it.id} {entry.ratio} {entry.between} {entry.loss.text}"
        assert row in legend.text
    assert "Fall of the AUC" in legend.text
    assert "on the selection set" in legend.text
    assert 'role="img" aria-label="fall of the AUC' in legend.page


def test_those_without_a_time_lie_in_the_strip(elsewhere, look):
    found = trade_off(elsewhere)
    drawing = trade_off_chart(found)
    assert [each.it.id for each in found.untimed] == ["tensorrt-fp32", "tensorrt-fp16", "tensorrt-int8"]
    edge = max(
        float(x) + float(w) for x, w in re.findall(r'class="frame" x="(58)" y="26" width="([\d.]+)"', drawing)
    )
    plane, strip = dots(drawing)[: len(found.timed)], dots(drawing)[len(found.timed) :]
    assert all(x < edge for _, _, x, _ in plane)
    assert all(edge < x < WIDTH - RIGHT for _, _, x, _ in strip)
    zero = original(drawing)[1]
    falls = [each.loss.value for each in found.untimed]
    heights = [zero - y for *_, y in strip]
    assert heights[2] / falls[2] == pytest.approx(heights[1] / falls[1], rel=0.2, abs=0.2 / falls[1])
    text = look(elsewhere).section("trade-off").text
    assert text.index("No time") < text.index("7 tensorrt-fp32 not executed on its hardware")


@pytest.mark.parametrize("name", ["compilation", "elsewhere", "pruned", "afar"])
def test_labels_are_apart(request, name):
    drawing = trade_off_chart(trade_off(request.getfixturevalue(name)))
    places = list(numbers(drawing).items())
    for index, (text, (x, y)) in enumerate(places):
        for other, (x2, y2) in places[:index]:
            width = 3.2 * (len(text) + len(other))
            assert abs(x - x2) >= width or abs(y - y2) >= 12, (text, other)


def test_the_label_of_the_limit_lies_on_no_point_or_whisker(compilation):
    """Two candidates at the limit: the slowest, whose whisker lies along the line, and one that is faster."""

    def moved(of, ratio, low, high):
        near = of.select_agreement[0]
        at_limit = [
            dataclasses.replace(x, value=-0.002, low=-0.0025, high=-0.0015) if x.name == "auc" else x
            for x in near.differences
        ]
        return dataclasses.replace(
            of,
            ratio=dataclasses.replace(of.ratio, ratio=ratio, low=low, high=high),
            select_agreement=(dataclasses.replace(near, differences=tuple(at_limit)),),
        )

    fast, slow, *_ = compilation.candidates
    apart = dataclasses.replace(compilation, candidates=(fast, slow))
    assert 'text-anchor="end">limit' in trade_off_chart(trade_off(apart))
    upon = (moved(fast, 1.3, 1.2, 1.4), moved(slow, 2.3, 2.0, 2.45))
    drawing = trade_off_chart(trade_off(dataclasses.replace(compilation, candidates=upon)))
    found = re.search(r'class="limit-text" x="([\d.]+)" y="([\d.]+)" text-anchor="start"', drawing)
    x, y = map(float, found.groups())
    whiskers = re.findall(r'class="whisker" x1="([\d.]+)" x2="([\d.]+)" y1="([\d.]+)" y2="([\d.]+)"', drawing)
    assert len(whiskers) == 4
    for whisker in whiskers:
        x1, x2, *ends = map(float, whisker)
        across = x1 <= x + 7.0 * len("limit 0.002") and x2 >= x
        assert not across or min(ends) > y or max(ends) < y - 9


def test_many_without_a_time_are_numbered_apart(elsewhere):
    one = elsewhere.candidate("tensorrt-fp32")
    more = tuple(dataclasses.replace(one, id=f"tensorrt-{index}") for index in range(18))
    drawing = trade_off_chart(
        trade_off(dataclasses.replace(elsewhere, candidates=elsewhere.candidates + more))
    )
    below = [(x, y) for x, y in numbers(drawing).values() if y > TOP + HEIGHT]
    assert len(below) == 21
    for index, (x, y) in enumerate(below):
        assert all(abs(x - x2) >= 13 or abs(y - y2) >= 12 for x2, y2 in below[:index])


def test_pruned_candidates_are_squares(pruned):
    found = trade_off(pruned)
    shapes = [shape for _, shape, *_ in dots(trade_off_chart(found))]
    assert [shape == "rect" for shape in shapes] == [each.it.pruned for each in found.timed]
    assert 0 < shapes.count("rect") < len(shapes)


def test_what_lies_far_beyond_does_not_press_the_others_together(compilation):
    bad = compilation.candidate("openvino-bf16")
    near = bad.select_agreement[0]
    worse = [
        dataclasses.replace(x, value=-0.4, low=-0.5, high=-0.3) if x.name == "auc" else x
        for x in near.differences
    ]
    lost = changed(
        compilation, bad.id, select_agreement=(dataclasses.replace(near, differences=tuple(worse)),)
    )
    slow = dataclasses.replace(bad.ratio, ratio=40.0, low=39.0, high=41.0)
    drawing = trade_off_chart(trade_off(changed(lost, "onnxruntime-fp16", ratio=slow)))
    arrows = [(x, y) for _, shape, x, y in dots(drawing) if shape == "polygon"]
    assert len(arrows) == 2
    assert min(y for _, y in arrows) == TOP
    assert max(x for x, _ in arrows) == WIDTH - RIGHT
    heights = [y for _, shape, _, y in dots(drawing) if shape == "circle"]
    assert max(heights) - min(heights) > 10
    assert original(drawing)[0] >= LEFT + (WIDTH - RIGHT - LEFT) / MOST_RATIO - 0.1


def test_without_an_auc_the_loss_is_the_share_of_changed_decisions(compilation):
    def unlabelled(each):
        return [dataclasses.replace(x, labelled=False, differences=()) for x in each.select_agreement]

    scale = losses(compared(compilation, unlabelled))
    best = compilation.candidate("openvino-int8").select_agreement[0]
    loss = scale.by_id["openvino-int8"]
    assert scale.title == "changed decisions"
    assert scale.limit is None, "without labels the SNR decides, not the decisions"
    assert loss.value == pytest.approx(best.flip_count / best.n)
    assert (loss.low, loss.high) == pytest.approx((1 - best.decisions.high, 1 - best.decisions.low))
    undefined = losses(
        compared(
            compilation, lambda each: [dataclasses.replace(x, differences=()) for x in each.select_agreement]
        )
    )
    assert undefined.limit == pytest.approx(0.01)


def test_the_loss_of_a_regression_is_the_error_of_its_snr(compilation):
    truth = np.random.default_rng(0).normal(50, 10, 80)
    names = [str(index) for index in range(80)]
    noise = {"openvino-int8": 1.0, "onnxruntime-int8": 0.0}

    def regressed(each):
        added = np.random.default_rng(1).normal(0, 1, 80) * noise.get(each.id, 0.1)
        return [agreement(AGE, truth, truth + added, truth, names)]

    scale = losses(compared(compilation, regressed))
    assert scale.title == "error over spread"
    assert scale.limit == pytest.approx(0.1)
    assert scale.by_id["openvino-int8"].value == pytest.approx(0.1, rel=0.3)
    assert scale.by_id["openvino-int8"].between.startswith("SNR ")
    assert scale.by_id["onnxruntime-int8"].value == 0
    silent = dataclasses.replace(regressed(compilation.candidates[0])[0], snr_db=None, identical=False)
    lost = losses(
        compared(compilation, lambda each: [silent] if each.id == "openvino-bf16" else regressed(each))
    )
    assert lost.by_id["openvino-bf16"].value == math.inf


def test_of_several_outputs_the_worst_counts_and_those_without_are_named(compilation):
    truth = np.random.default_rng(0).normal(50, 10, 80)
    age = agreement(AGE, truth, truth, truth, [str(index) for index in range(80)])

    def three(each):
        (one,) = each.select_agreement
        worse = [dataclasses.replace(x, value=x.value - 0.01) for x in one.differences if x.name == "auc"]
        return [one, dataclasses.replace(one, output="second", differences=tuple(worse)), age]

    scale = losses(compared(compilation, three))
    single = losses(compilation)
    assert scale.by_id["openvino-int8"].value == pytest.approx(single.by_id["openvino-int8"].value + 0.01)
    assert "Not in it, for they have none: age." in scale.note


def test_times_of_another_machine_are_drawn_and_named_as_such(afar):
    found = trade_off(afar)
    drawing = trade_off_chart(found)
    assert {each.it.id for each in found.timed} == set(afar.kept)
    assert [look for look, *_ in dots(drawing)] == ["kept"] * len(afar.kept)
    titles = re.findall(r'<text class="axis-text" [^>]*y="([\d.]+)"[^>]*>([^<]+)<', drawing)
    height = float(re.search(r'viewBox="0 0 \d+ (\d+)"', drawing)[1])
    whose = "this machine&#39;s, not raspberry-pi-5&#39;s"
    (below,) = [float(y) for y, title in titles if title == f"({whose})"]
    assert below < height
    assert f"times {whose}" in re.search(r'aria-label="([^"]+)', drawing)[1]


def test_less_than_two_points_are_no_trade_off(compilation, elsewhere, look):
    stood_in = tuple(each for each in elsewhere.candidates if each.stand_in)
    untimed = dataclasses.replace(elsewhere, candidates=stood_in, best=None)
    assert trade_off(untimed) is None
    assert look(untimed).section("trade-off").page == ""
    one = dataclasses.replace(compilation, candidates=(compilation.candidate("openvino-int8"),))
    assert trade_off(one) is None
