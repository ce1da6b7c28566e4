"""Flipped cases, drawn: each with its name, its reference label and what both models made of it."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest

from edgemed.judge import agreement
from edgemed.report import Picture
from edgemed.report.page import render
from edgemed.types import OutputSpec


@pytest.fixture
def png():
    image = pytest.importorskip("PIL.Image")
    buffer = io.BytesIO()
    image.new("L", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_is_shown_with_what_was_decided(compilation, look, png):
    flip, *_ = compilation.candidate("openvino-int8").accept_agreement[0].flips
    shown = type(look(compilation))(render(compilation, [Picture(flip.case, png)])).section("pictures")
    assert f"data:image/png;base64,{base64.b64encode(png).decode()}" in shown.page
    assert f"{flip.case} reference: {flip.target} original {flip.original} (0." in shown.text
    assert f"openvino-int8 {flip.artefact} ({flip.artefact_score:.3f})" in shown.text
    assert (flip.original_score >= 0.5) != (flip.artefact_score >= 0.5)
    assert 'class="line"' not in shown.page
    assert "Signals:" not in shown.text


def test_a_signal_says_how_it_is_drawn(compilation, look, png):
    flip, *_ = compilation.candidate("openvino-int8").accept_agreement[0].flips
    page = type(look(compilation))(render(compilation, [Picture(flip.case, png, line=True)]))
    assert '<figure class="line">' in page.section("pictures").page
    assert "Signals: one line per channel" in page.section("pictures").text


def test_labels_and_outputs_are_named_where_there_are_several(compilation, look, png):
    findings = OutputSpec("findings", "multilabel", 2, ("edema", "nodule"))
    before, after = np.array([[0.9, 0.4]]), np.array([[0.2, 0.6]])
    near = agreement(findings, before, after, np.array([[1, 0]]), ["case 1"])
    best = dataclasses.replace(compilation.candidate("openvino-int8"), accept_agreement=(near,))
    several = dataclasses.replace(
        compilation,
        candidates=(best,),
        model=dataclasses.replace(compilation.model, outputs=(findings, compilation.model.outputs[0])),
    )
    shown = type(look(compilation))(render(several, [Picture("case 1", png)])).section("pictures").text
    assert "reference: findings: edema: positive; findings: nodule: negative" in shown
    assert "findings: edema: original positive (0.900), openvino-int8 negative (0.200)" in shown


def test_each_model_is_marked_on_its_curve_where_it_decides(compilation, look):
    section = look(compilation).section("roc")
    assert "Marks: where each decides, at the threshold 0.5; square: the original." in section.text
    whole, corner = section.all(r'<svg class="roc-svg".*?</figure>')
    assert whole.count('<rect class="spot-0"') == corner.count('<rect class="spot-0"') == 1
    assert whole.count('<circle class="spot-') == 2
    figures = compilation.original.accept_figures[0]
    false, true = 1 - figures.get("specificity").value, figures.get("sensitivity").value
    x, y = 38 + 300 * false - 6.5, 24 + 300 * (1 - true) - 6.5
    assert f'<rect class="spot-0" x="{x:.1f}" y="{y:.1f}"' in whole
    bare = dataclasses.replace(compilation.original, accept_figures=None)
    section = look(dataclasses.replace(compilation, original=bare)).section("roc")
    assert "Marks" not in section.text
    assert "spot-0" not in section.page
