"""The curves of a stress test in the report: drawn, told, tabled, and kept when the page is rewritten."""

from __future__ import annotations

import base64
import dataclasses
import math
import re

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.report import Picture, read_stress, write_report, write_stress
from edgemed.report.gallery import pictures_in
from edgemed.report.page import render
from edgemed.report.stress_text import AXES, answer, lost, notes
from edgemed.types.stress import (
    AxisName,
    LargestLoss,
    Stress,
    StressAxis,
    Stressed,
    StressFigure,
    StressPoint,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SETTING = "SIMULATED imrd-easy: ir-cpmg-a at 50 mT; SNR 1000 per complex sample."


def _point(value: float, auc: float, r2: float, refused: float = 0.0) -> StressPoint:
    detect = (
        Stressed("openvino-int8", auc - 0.0031, 0.0031, -0.004, 0.0153),
        Stressed("onnxruntime-fp16", auc, 0.0, -0.007, 0.007),
    )
    volume = (Stressed("openvino-int8", r2 - 0.02, 0.02), Stressed("onnxruntime-fp16", r2 + 0.001, -0.001))
    return StressPoint(
        value,
        refused,
        (StressFigure("lesion", "auc", auc, detect), StressFigure("lesion_ml", "r2", r2, volume)),
    )


def _axis(name: AxisName, base: float, *values: float) -> StressAxis:
    return StressAxis(
        name,
        base,
        tuple(
            _point(value, 0.55 + 0.05 * number, -3.0 if number == 0 else 0.6 + 0.05 * number, number / 10)
            for number, value in enumerate(values)
        ),
    )


@pytest.fixture
def stress() -> Stress:
    return Stress(
        created="2026-01-02T03:04:05+00:00",
        command="edgemed mr stress out imrd-easy",
        simulated=SETTING,
        task={},
        heads=500,
        cases=251,
        seed=1000,
        models={"original": "0" * 64, "openvino-int8": "1" * 64, "onnxruntime-fp16": "2" * 64},
        stand_ins={},
        left_out={"tensorrt-int8": "there is no GPU"},
        axes=(
            _axis("snr", 1000.0, 30.0, 100.0, 300.0, 1000.0, 3000.0),
            _axis("gain", 1.0, 0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 2.0),
            _axis("b1", 0.0, -0.1, -0.05, 0.0, 0.05, 0.1),
        ),
        largest=(
            LargestLoss("auc", "lesion", "openvino-int8", "gain", 0.9, 0.84, 0.0031, -0.001, 0.0072, 0.005),
            LargestLoss("r2", "lesion_ml", "openvino-int8", "snr", 100.0, 0.65, 0.02, None, None, 0.01),
        ),
        limits={"auc": 0.005, "r2": 0.01},
        notes=("Filled with the mean signal.",),
    )


@pytest.fixture
def section(compilation, stress, look):
    page = render(compilation, (), stress)
    return type(look(compilation))(page).section("stress")


def test_without_a_stress_test_there_is_no_section(compilation, look):
    assert look(compilation).section("stress").page == ""


def test_the_answer_the_setting_and_the_notes_stand_above_the_curves(section):
    above = section.text.partition("SNR per complex sample")[0]
    told = "Largest loss of AUC: 0.0031 (−0.0010 to 0.0072), within the limit of 0.005; openvino-int8, head"
    assert told in above
    assert "Largest loss of R²: 0.020, beyond the limit of 0.01;" in above
    for words in (SETTING.split(";")[0], "500 simulated heads of seed 1000, 251 of them with lesions"):
        assert words in section.text
    assert "Filled with the mean signal." in section.text
    assert "tensorrt-int8 did not answer: there is no GPU" in section.text
    assert "edgemed mr stress out imrd-easy" in section.text


def test_each_axis_and_head_has_a_chart_and_a_table(section, stress):
    assert section.all("<h3>(.*?)</h3>") == [AXES[axis.name].title for axis in stress.axes]
    charts = section.all(r'<svg class="trade-svg".*?</svg>')
    assert len(charts) == 6
    assert [chart.count("<polyline") for chart in charts] == [3] * 6
    assert len(section.all("<table>")) == 6
    rows = section.all("<tbody>(.*?)</tbody>")
    assert [row.count("<tr>") for row in rows] == [5, 5, 7, 7, 5, 5]


def test_tables_hold_every_figure(section):
    first = re.sub("<[^>]+>", " ", section.all("<tbody>(.*?)</tbody>")[0])
    text = " ".join(first.replace("\N{NO-BREAK SPACE}", " ").split())
    assert text.startswith("30 0 % 0.550 0.547 0.0031 (−0.0040 to 0.0153) 0.550 0 (−0.0070 to 0.0070) 100")
    assert "1000 the start 30.00 % 0.700" in text


def test_a_line_passes_where_its_figures_lie(section):
    """AUC from .4 to 1; R2 from 0, what is below at the edge; SNR is far apart as factors are."""
    detect, volume = section.all(r'<svg class="trade-svg".*?</svg>')[:2]
    courses = [
        np.array([[float(at) for at in pair.split(",")] for pair in course.split()])
        for course in re.findall(r'points="(.*?)"', detect)
    ]
    original, int8, same = courses
    top, bottom = (float(at) for at in re.search(r'class="one".*? y1="(.*?)" y2="(.*?)"', detect).groups())
    heights = (bottom - original[:, 1]) / (bottom - top)
    assert heights == pytest.approx([(0.55 + 0.05 * n - 0.4) / 0.6 for n in range(5)], abs=1e-3)
    assert (int8[:, 1] > original[:, 1]).all()
    assert (same == original).all()
    apart = np.diff(original[:, 0])
    assert apart[0] / apart[1] == pytest.approx(math.log(100 / 30) / math.log(3), rel=1e-2)
    lowest = float(re.search(r'points="[^,]*,(\S+)', volume).group(1))
    assert lowest == pytest.approx(bottom)


def test_a_drawing_is_told_in_words(section):
    spoken = section.all(r'aria-label="(AUC of lesion against .*?)"')[0]
    assert "SNR per complex sample: original 0.550 at 30, 0.600 at 100" in spoken


def test_labels_below_an_axis_keep_apart(section):
    for chart in section.all(r'<svg class="trade-svg".*?</svg>'):
        places = [float(x) for x in re.findall(r'<text class="tick-text" x="([\d.]+)" y="191"', chart)]
        assert len(places) >= 4
        assert min(np.diff(places)) >= 34


def test_one_that_is_worth_no_comparison_is_not_called_robust(stress):
    none, auc = (
        dataclasses.replace(stress, largest=()),
        dataclasses.replace(stress, largest=stress.largest[:1]),
    )
    assert answer(none) == [
        "The original reaches AUC 0.7 at no point: there is none to lose.",
        "The original reaches R² 0.5 at no point: there is none to lose.",
    ]
    assert answer(auc)[0].startswith("Largest loss of AUC")
    gained = dataclasses.replace(stress.largest[0], loss=-0.001)
    (told, _) = answer(dataclasses.replace(stress, largest=(gained,)))
    assert told == "AUC: nothing is lost where the original reaches 0.7."


def test_points_that_do_not_count_are_told_of(stress, section):
    left_out = "Points where the original is below AUC 0.7 or R² 0.5 do not count for the largest loss."
    assert notes(stress) == ["Filled with the mean signal.", left_out]
    assert left_out in section.text
    good = dataclasses.replace(stress, axes=(StressAxis("b1", 0.0, (_point(0.0, 0.9, 0.8),)),))
    assert notes(good) == list(stress.notes)
    assert notes(dataclasses.replace(stress, largest=())) == list(stress.notes)


def test_the_page_and_the_file_are_written_together_and_pictures_stay(compilation, stress, tmp_path):
    pictures = (Picture('case "1" & more', PNG), Picture("case 2", PNG + b"2", line=True))
    write_report(compilation, tmp_path, pictures)
    before = (tmp_path / "report.json").read_bytes()
    write_stress(stress, compilation, tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert 'id="stress"' in page
    assert all(base64.b64encode(each.png).decode() in page for each in pictures)
    assert pictures_in(page) == pictures
    assert read_stress(tmp_path) == stress
    assert (tmp_path / "report.json").read_bytes() == before


def test_a_report_that_is_written_again_keeps_the_curves(compilation, stress, tmp_path):
    write_stress(stress, compilation, tmp_path)
    write_report(compilation, tmp_path)
    assert 'id="stress"' in (tmp_path / "report.html").read_text("utf-8")


def test_a_file_of_that_name_that_no_stress_test_wrote_is_left_alone(compilation, tmp_path):
    (tmp_path / "stress.json").write_text("{}")
    write_report(compilation, tmp_path)
    assert 'id="stress"' not in (tmp_path / "report.html").read_text("utf-8")
    assert (tmp_path / "stress.json").read_text() == "{}"
    with pytest.raises(BadInput, match="missing key"):
        read_stress(tmp_path)


TOLD = {0.0: "0", 0.00123: "0.0012", -0.02: "−0.0200", -2e-8: "0.0000", 2e-8: "0.0000"}


@pytest.mark.parametrize("loss", TOLD)
def test_a_loss_is_told_to_four_places(loss):
    assert lost(loss) == TOLD[loss]
