"""The report's files: whole, self-contained, escaped, and made for every kind of outcome."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from edgemed.errors import BadInput, ToolFailure
from edgemed.judge import agreement, figures
from edgemed.report import Picture, write_report
from edgemed.report.numerals import ratio, ratio_interval
from edgemed.types import Agreement, CandidateResult, Compilation, OutputSpec, SpeedRatio


class Outline(HTMLParser):
    """Open tags that never close, every attribute, headers without scope, tables without caption."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.unscoped, self.tables, self.captions = [], [], 0, 0, 0

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]
        self.unscoped += tag == "th" and "scope" not in dict(attrs)
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(page):
    parsed = Outline()
    parsed.feed(page)
    parsed.close()
    assert parsed.open == []
    return parsed


def written(compilation, folder, **options):
    write_report(compilation, folder, **options)
    page = (folder / "report.html").read_text("utf-8")
    outline(page)
    return page


def text_of(page):
    body = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(body))


def plain(text):
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def picture():
    image = pytest.importorskip("PIL.Image")
    buffer = io.BytesIO()
    image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_json_is_the_compilation_and_comes_back(compilation, tmp_path):
    write_report(compilation, tmp_path / "new" / "out")
    text = (tmp_path / "new" / "out" / "report.json").read_text("utf-8")
    assert Compilation.from_json(text) == compilation
    assert json.loads(text)["best"] == "openvino-int8"
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == [
        "report.html",
        "report.json",
    ]


def test_nothing_outside_the_file_is_asked_for(compilation, tmp_path, picture):
    page = written(compilation, tmp_path, pictures=[Picture("case 1", picture)])
    assert not re.search(r"https?://|url\(|@import|<script|<link", page)
    for tag, name, value in outline(page).attributes:
        if name in ("src", "href", "srcset", "data", "action", "poster"):
            assert (tag, value[:22]) == ("img", "data:image/png;base64,")
    assert "default-src 'none'" in page


def test_tables_are_accessible(compilation, tmp_path):
    parsed = outline(written(compilation, tmp_path))
    assert parsed.unscoped == 0
    assert parsed.tables == parsed.captions > 8


def test_headline_tells_speed_and_agreement_and_claims_no_proof(compilation, tmp_path):
    text = text_of(written(compilation, tmp_path))
    best = compilation.candidate("openvino-int8")
    same = best.accept_agreement[0].n - best.accept_agreement[0].flip_count
    told = f"{best.ratio.ratio:.3f} of the original's time (95 % interval {best.ratio.low:.3f} to"
    assert f"openvino-int8 is kept: it takes {told} {best.ratio.high:.3f})" in plain(text)
    assert f"it decides {same} of 624 acceptance cases as the original does." in text
    assert "not a proof that the artefact is no worse" in text
    assert "not a medical device" in text
    assert "proven" not in text


def test_every_figure_of_the_verdict_is_on_the_page(compilation, tmp_path):
    text = text_of(written(compilation, tmp_path))
    best = compilation.candidate("openvino-int8")
    for item in (*compilation.original.accept_figures[0].items, *best.accept_figures[0].items):
        assert f"{item.value:.3f}" in text
        assert f"{item.low:.3f} to {item.high:.3f}" in text
    for each in compilation.candidates:
        assert each.id in text
        assert each.reason in text
    for flip in best.accept_agreement[0].flips:
        assert flip.case in text
    for expected in (
        compilation.command,
        compilation.recipe_digest,
        "2026.4.1",
        "cached",
        "/fc/Gemm",
        *compilation.plan,
    ):
        assert expected in text


def test_speed_is_told_as_the_ratio_alone(compilation, tmp_path):
    text = text_of(written(compilation, tmp_path))
    for each in compilation.candidates:
        if each.ratio is not None:
            assert f"{ratio(each.ratio)} {ratio_interval(each.ratio)} " in text
    assert not re.search(r"times (as|its)|×", text.replace("28 × 28", ""))


def test_an_artefact_may_have_more_distinct_scores_than_the_original(compilation, tmp_path):
    best = compilation.candidate("openvino-int8")
    near = dataclasses.replace(best.accept_agreement[0], distinct_original=621, distinct_artefact=623)
    more = dataclasses.replace(compilation, candidates=(dataclasses.replace(best, accept_agreement=(near,)),))
    assert "623 original 621" in text_of(written(more, tmp_path))


def test_curves_of_original_and_kept_artefacts_are_drawn(compilation, tmp_path):
    page = written(compilation, tmp_path)
    assert page.count("<polyline") == 2 * len(compilation.roc) == 6
    assert page.count('<rect class="bar"') == 7


def test_names_that_hold_markup_are_text(compilation, tmp_path, picture):
    nasty = '"><img src=x onerror=alert(1)><b>'
    flips = tuple(
        dataclasses.replace(flip, case=nasty)
        for flip in compilation.candidate("openvino-int8").accept_agreement[0].flips
    )
    first, *rest = (each for each in compilation.candidates if each.id == "openvino-int8")
    near = dataclasses.replace(first.accept_agreement[0], flips=flips, largest_difference_case=nasty)
    bad = dataclasses.replace(first, accept_agreement=(near,), reason=nasty, id=nasty)
    page = written(
        dataclasses.replace(compilation, name=nasty, candidates=(bad, *rest), best=nasty, command=nasty),
        tmp_path,
        pictures=[Picture(nasty, picture)],
    )
    assert not any(name == "onerror" for _, name, _ in outline(page).attributes)
    assert "<b>" not in page


def test_pictures_only_where_given(compilation, tmp_path, picture):
    assert "<img" not in written(compilation, tmp_path)
    page = written(compilation, tmp_path, pictures=[Picture("test/0001", picture)])
    assert page.count("<img") == 1
    assert "Treat the file as patient data" in page
    with pytest.raises(BadInput, match="not a PNG"):
        write_report(compilation, tmp_path, pictures=[Picture("x", b"<svg>")])


def test_nothing_kept_is_said(compilation, tmp_path):
    dropped = tuple(
        dataclasses.replace(each, status="failed" if each.status == "failed" else "dropped")
        for each in compilation.candidates
    )
    text = text_of(written(dataclasses.replace(compilation, candidates=dropped, best=None), tmp_path))
    assert "No candidate is kept: of 7, 6 were dropped and 1 could not be built." in text
    assert "of the original's time" not in text


def test_a_slow_best_is_not_called_fast(compilation, tmp_path):
    slow = dataclasses.replace(
        compilation.candidate("openvino-int8"), ratio=SpeedRatio(0.99, 0.96, 1.02, 700, 8.2, 8.118)
    )
    text = text_of(written(dataclasses.replace(compilation, candidates=(slow,)), tmp_path))
    assert "it is not faster than the original beyond noise, with 0.990 of its time" in text


def test_an_original_that_nothing_beat_is_not_compared_with_itself(compilation, tmp_path):
    runtime, _, _ = compilation.original.runtime.partition(" ")
    text = text_of(written(dataclasses.replace(compilation, best=f"{runtime}-fp32"), tmp_path))
    assert (
        f"{runtime}-fp32 is kept: it is the original itself, and nothing else that agrees is faster." in text
    )
    assert "beyond noise, with" not in text.partition("This is agreement")[0]


@pytest.mark.parametrize(
    ("compared_on", "kind", "where"),
    [
        ("select", "selection", "the selection set."),
        ("calibrate", "calibration", "the calibration set, for want of a selection set."),
        ("golden", "synthetic golden", "the synthetic golden cases, for want of a set."),
    ],
)
def test_without_labels_the_stamp_and_the_missing_accuracy_are_told(
    compilation, tmp_path, compared_on, kind, where
):
    random = np.random.default_rng(0)
    scores = random.random((50, 1))
    output = compilation.model.outputs[0]
    names = [str(index) for index in range(50)]
    near = agreement(output, scores, np.clip(scores + 1e-4, 0, 1), None, names)
    best = dataclasses.replace(
        compilation.candidate("openvino-int8"),
        select_agreement=(near,),
        accept_agreement=None,
        accept_figures=None,
    )
    bare = dataclasses.replace(
        compilation,
        candidates=(best,),
        data=(),
        roc=(),
        stamps=("speed only",),
        original=dataclasses.replace(compilation.original, accept_figures=None),
        compared_on=compared_on,
    )
    text = text_of(written(bare, tmp_path))
    assert "There were no labels, so nothing is known of its accuracy." in text
    assert "Stamp speed only" in text
    assert f"on 50 {kind} cases" in text
    assert f"Nearness to the original is that on {where}" in text
    assert "ROC curves" not in text


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        (
            ("calibrate",),
            "Int8 scales and, for want of a selection set, choices come from the calibrate set. ",
        ),
        (
            ("calibrate", "select"),
            "Int8 scales come from the calibrate set; choices come from the select set. The sets",
        ),
        (
            ("calibrate", "select", "accept"),
            "reported figures come from the accept set. The sets share no case.",
        ),
    ],
)
def test_the_sets_are_those_that_were_given(compilation, tmp_path, roles, told):
    data = tuple(each for each in compilation.data if each.role in roles)
    on = "select" if "select" in roles else "calibrate"
    text = text_of(written(dataclasses.replace(compilation, data=data, compared_on=on), tmp_path))
    assert told in text
    assert ("share no case" in text) == (len(roles) > 1)


def test_decisions_of_a_multilabel_output_are_counted_by_label(compilation, tmp_path):
    random = np.random.default_rng(3)
    findings = OutputSpec("findings", "multilabel", 3, ("edema", "nodule", "effusion"))
    before = random.random((600, 3))
    after = before.copy()
    after[:8, 0] = 1 - before[:8, 0]
    after[:3, 2] = 1 - before[:3, 2]
    names = [f"case {index}" for index in range(600)]
    near = agreement(findings, before, after, (random.random((600, 3)) < before).astype(np.int64), names)
    best = dataclasses.replace(compilation.candidate("openvino-int8"), accept_agreement=(near,))
    many = dataclasses.replace(
        compilation,
        candidates=(best,),
        model=dataclasses.replace(compilation.model, outputs=(findings,)),
    )
    text = plain(text_of(written(many, tmp_path)))
    assert "it makes 1 789 of 1 800 decisions as the original does, 3 on each of 600 acceptance cases" in text
    assert "(on edema, which agrees least, 592 of 600)" in text
    assert "11 of 1 800 decisions (600 cases, 3 labels)" in text
    assert "Same decisions on edema" in text
    assert "on edema, the least" in text
    same = dataclasses.replace(best, accept_agreement=(agreement(findings, before, before, None, names),))
    text = plain(text_of(written(dataclasses.replace(many, candidates=(same,)), tmp_path)))
    assert "it makes all 1 800 decisions as the original does, 3 on each of 600 acceptance cases." in text


def test_the_rule_is_told_whole(compilation, tmp_path):
    limits = Agreement(decisions=0.987, auc=0.0013, loss=0.047, snr_db=21.5)
    text = text_of(written(dataclasses.replace(compilation, agreement=limits), tmp_path))
    rule = text.partition("Near enough to the original: ")[2].partition("</p>")[0]
    for told in ("98.7 % of decisions", "AUC within 0.0013", "no more than 0.047 lower", "21.5 dB"):
        assert told in rule


def test_regression_and_several_outputs(compilation, tmp_path):
    random = np.random.default_rng(1)
    age = OutputSpec("age", "regression", 1, unit="years")
    organs = OutputSpec("organ", "multiclass", 3, ("liver", "kidney", "spleen"))
    truth, classes = random.normal(50, 10, 80), random.integers(3, size=80)
    guess, shares = truth + random.normal(0, 3, 80), random.dirichlet(np.ones(3), 80)
    names = [str(index) for index in range(80)]
    pairs = (
        agreement(age, guess, guess + 0.01, truth, names),
        agreement(organs, shares, shares, classes, names),
    )
    marks = (figures(age, guess, truth), figures(organs, shares, classes))
    best = dataclasses.replace(
        compilation.candidate("openvino-int8"), accept_agreement=pairs, accept_figures=marks
    )
    both = dataclasses.replace(
        compilation,
        candidates=(best,),
        model=dataclasses.replace(compilation.model, outputs=(age, organs)),
        original=dataclasses.replace(compilation.original, accept_figures=marks),
    )
    text = text_of(written(both, tmp_path))
    assert "mean absolute error" in text
    assert "sensitivity, kidney" in text
    assert "AUC, macro" in text
    assert "identical on these cases" in text


def test_the_barest_compilation_is_still_a_page(compilation, tmp_path):
    bare = dataclasses.replace(
        compilation,
        created="",
        data=(),
        plan=(),
        parity=(),
        roc=(),
        stages=(),
        tools={},
        host={},
        recipe={},
        warnings=(),
        best=None,
        candidates=(CandidateResult("a-fp32", "a", "fp32", "failed", "no such runtime"),),
        original=dataclasses.replace(compilation.original, latency=None, load_ms=None, accept_figures=None),
    )
    assert "none of the 1 could be built" in text_of(written(bare, tmp_path))
    assert "No candidate was built." in text_of(written(dataclasses.replace(bare, candidates=()), tmp_path))


def test_a_folder_that_cannot_be_made_is_a_tool_failure(compilation, tmp_path):
    (tmp_path / "file").write_text("here already")
    with pytest.raises(ToolFailure, match="cannot write: Not a directory") as caught:
        write_report(compilation, tmp_path / "file" / "out")
    assert "another output folder" in caught.value.remedy
    assert (tmp_path / "file").read_text() == "here already"


@pytest.mark.slow
def test_chromium_shows_the_figures_and_paints(compilation, tmp_path, picture):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser: apt-get install -y chromium")
    write_report(compilation, tmp_path, pictures=[Picture("test/0001", picture)])
    quiet = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-sync"
    flags = [
        "--headless",
        *(f"--{flag}" for flag in quiet.split()),
        "--disable-component-update",
        "--window-size=1200,1600",
    ]
    address = (tmp_path / "report.html").as_uri()

    def run(*extra):
        command = [browser, *flags, f"--user-data-dir={tmp_path / 'profile'}", *extra, address]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    text = text_of(run("--dump-dom").stdout)
    best = compilation.candidate("openvino-int8")
    auc = best.accept_figures[0].get("auc")
    assert f"{auc.value:.3f} {auc.low:.3f} to {auc.high:.3f}" in text
    assert f"{best.ratio.ratio:.3f} {best.ratio.low:.3f} to {best.ratio.high:.3f}" in text
    run(f"--screenshot={tmp_path / 'page.png'}")
    pixels = np.asarray(pytest.importorskip("PIL.Image").open(tmp_path / "page.png").convert("RGB"), np.int64)
    accent = np.abs(pixels - np.array([0x0B, 0x64, 0x77])).sum(axis=2) < 12
    assert accent.sum() > 500, "the best candidate's bar is not painted"
