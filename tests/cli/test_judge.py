"""`edgemed judge`: two CSVs of answers, and artefacts beside their original, told and in the exit code."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest

pytestmark = pytest.mark.slow

CASES = 400
SETS = ("--calibrate", "cal.npz", "--select", "sel.npz", "--accept", "acc.npz")


def _write(path, scores, targets=None, **columns):
    columns = {"case": [f"c{i}" for i in range(len(scores))], "score": scores, **columns}
    if targets is not None:
        columns["target"] = targets
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


@pytest.fixture
def tables(site):
    """`o.csv` with 400 cases, `same.csv`, `near.csv` (noise), `worse.csv` (a quarter of positives lost)."""
    rng = np.random.default_rng(0)
    targets = np.arange(CASES) % 2
    scores = np.clip(0.5 + (targets - 0.5) * 0.6 + rng.normal(0, 0.12, CASES), 0.01, 0.99)
    worse = scores.copy()
    worse[np.flatnonzero(targets)[::4]] = 0.1
    _write(site / "o.csv", scores, targets, site=np.where(np.arange(CASES) < 200, "A", "B"))
    _write(site / "same.csv", scores)
    _write(site / "near.csv", np.clip(scores + rng.normal(0, 1e-4, CASES), 0, 1))
    _write(site / "worse.csv", worse)
    return site


@pytest.mark.parametrize(
    ("artefact", "code", "outcome"),
    [("same.csv", 0, "proven"), ("near.csv", 0, "proven"), ("worse.csv", 3, "refuted")],
)
def test_the_verdict_is_told_and_is_the_exit_code(tables, artefact, code, outcome):
    done = tables.run("judge", "o.csv", artefact)
    assert done.code == code, done.err
    assert outcome in done.out.splitlines()[0]
    again = tables.run("judge", "o.csv", artefact, "--json")
    verdict = json.loads(again.out)
    assert (again.code, verdict["outcome"]) == (code, outcome)
    assert verdict["artefact"] == hashlib.sha256((tables / artefact).read_bytes()).hexdigest()
    assert verdict["cases"] == CASES
    assert verdict["opening"] == 0
    assert "open" not in done.out


def test_a_margin_that_so_many_cases_cannot_prove_is_not_provable_and_says_how_many_can(tables):
    done = tables.run("judge", "o.csv", "same.csv", "--margin", "sensitivity=.005", "--json")
    assert done.code == 3
    verdict = json.loads(done.out)
    assert verdict["outcome"] == "not provable"
    stopped = [each for each in verdict["differences"] if each["outcome"] == "not provable"]
    assert {each["metric"] for each in stopped} == {"sensitivity"}
    assert stopped[0]["cases_needed"] >= 765


def test_a_metric_can_be_reported_only(tables):
    free = [f"--margin={name}=none" for name in ("auc", "brier", "sensitivity")]
    done = tables.run("judge", "o.csv", "worse.csv", *free, "--json")
    verdict = json.loads(done.out)
    told = {each["metric"]: each["outcome"] for each in verdict["differences"] if not each["subgroup"]}
    assert told["sensitivity"] is None
    assert told["specificity"] == "proven"
    assert done.code == 0


def test_margins_of_values_can_be_left_out_or_follow_the_original(site):
    rng = np.random.default_rng(0)
    truth = rng.normal(70, 10, CASES)
    scores = truth + rng.normal(0, 4, CASES)
    _write(site / "o.csv", scores, truth)
    _write(site / "far.csv", scores + 8)
    told = {}
    for margins in (("bias=none", "mae=none"), ("bias=9", "mae=none"), ("bias=9", "bias=tenth", "mae=tenth")):
        given = [f"--margin={each}" for each in margins]
        done = site.run("judge", "o.csv", "far.csv", "--kind", "regression", *given, "--json")
        told[margins] = {
            each["metric"]: (each["margin"], each["outcome"]) for each in done.json["differences"]
        }
    free, nine, tenth = told.values()
    assert free["bias"] == free["mae"] == nine["mae"] == (None, None)
    assert nine["bias"] == (9, "proven")
    error = np.abs(scores - truth).mean()
    for metric in ("bias", "mae"):
        assert tenth[metric] == (pytest.approx(error / 10), "refuted")


def test_subgroups_are_told_and_decide_nothing(tables):
    done = tables.run("judge", "o.csv", "same.csv", "--by", "site", "--json")
    differences = json.loads(done.out)["differences"]
    assert {each["subgroup"] for each in differences} >= {"", "site=A", "site=B"}
    assert done.code == 0


def test_subgroups_that_were_asked_for_are_listed(tables):
    done = tables.run("judge", "o.csv", "same.csv", "--by", "site")
    assert done.code == 0
    assert "no subgroup is surely worse" in done.out
    assert "subgroups, which decide nothing" in done.out
    assert any(line.startswith("site=A") and "sensitivity" in line for line in done.out.splitlines())


def test_rows_in_another_order_are_told(tables):
    lines = (tables / "same.csv").read_text().splitlines()
    (tables / "turned.csv").write_text("\n".join([lines[0], *lines[:0:-1]]))
    done = tables.run("judge", "o.csv", "turned.csv")
    assert done.code == 0
    assert "paired by the names of the cases" in done.err


BAD = {
    "margin 0": (("o.csv", "same.csv", "--margin", "sensitivity=0"), ("cannot be proven", "sensitivity=0")),
    "margin of what": (("o.csv", "same.csv", "--margin", "sensitvity=.1"), ("did you mean 'sensitivity'?",)),
    "margin without a loss": (("o.csv", "same.csv", "--margin", "auc"), ("no loss is given", "auc=none")),
    "no number": (("o.csv", "same.csv", "--margin", "auc=low"), ("'low' is no number",)),
    "one table": (("o.csv",), ("o.csv",)),
    "three": (("o.csv", "same.csv", "near.csv"), ("3 paths", "two CSVs")),
    "no file": (("o.csv", "gone.csv"), ("no such file", "gone.csv")),
    "engine": (("o.csv", "same.csv", "--engine"), ("--engine goes with artefacts only",)),
    "accept": (("o.csv", "same.csv", "--accept", "x"), ("--accept goes with artefacts and --self-test",)),
    "kind of an artefact": (("out", "--kind", "binary"), ("--kind goes with two CSVs only",)),
    "a tenth of what": (("o.csv", "same.csv", "--margin", "auc=tenth"), ("'tenth' is no number", "auc=none")),
    "nothing there": (("out",), ("out",)),
    "missing case": (("o.csv", "short.csv"), ("1 of 400 cases", "'c399'")),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_words(name, tables):
    arguments, told = BAD[name]
    lines = (tables / "same.csv").read_text().splitlines()
    (tables / "short.csv").write_text("\n".join(lines[:-1]) + "\n")
    done = tables.run("judge", *arguments)
    assert done.code == 2, done.err
    for words in told:
        assert words in done.err, done.err
    assert "Traceback" not in done.err


@pytest.fixture
def compiled(site):
    """`out`: one artefact, onnxruntime-fp32, compiled with all three sets."""
    done = site.fp32("-m", "model.onnx", *SETS, "-o", "out")
    assert done.code == 0, done.err
    return site


def _files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def test_an_artefact_gets_a_verdict_of_its_own_and_nothing_but_the_ledger_changes(compiled):
    before = _files(compiled / "out")
    done = compiled.run("judge", "out/artefacts/onnxruntime-fp32", "--margin", "auc=.03", "--json")
    assert done.code == 0, done.err
    verdict = json.loads(done.out)
    assert (verdict["id"], verdict["outcome"], verdict["opening"]) == ("onnxruntime-fp32", "proven", 2)
    assert verdict["executed_by"] == "onnxruntime"
    shipped = json.loads((compiled / "out/artefacts/onnxruntime-fp32/verdict.json").read_text())
    assert verdict["artefact"] == shipped["artefact"]
    assert verdict["data"] == shipped["data"]
    after = _files(compiled / "out")
    assert {name for name in after if after[name] != before.get(name)} == {"acceptance-ledger.json"}
    opening = json.loads(after["acceptance-ledger.json"])["openings"][-1]
    assert opening["outcomes"] == {"onnxruntime-fp32": "proven"}
    assert "judge out/artefacts/onnxruntime-fp32" in opening["command"]


def test_the_compiles_own_question_is_not_another_opening(compiled):
    done = compiled.run("judge", "out")
    assert done.code == 0, done.err
    assert "proven not worse" in done.out
    assert "opening    1 of 1" in done.out
    again = compiled.run("judge", "out", "--json")
    assert json.loads(again.out)["onnxruntime-fp32"]["opening"] == 1


def test_other_cases_are_told_and_are_another_opening(compiled, helpers):
    helpers.write_set(compiled / "other.npz", n=400, seed=9)
    done = compiled.run("judge", "out", "--accept", "other.npz")
    assert done.code == 0, done.err
    told = " ".join(done.err.split())
    assert "not the cases that the compile judged on" in told
    assert "not compared" not in told
    assert "opening    2 of 2" in done.out


@pytest.mark.parametrize("role", ["calibrate", "select"])
def test_what_has_shaped_the_artefact_proves_nothing(compiled, helpers, role):
    before = _files(compiled / "out")
    wide = ("--margin=auc=.9", "--margin=sensitivity=.9", "--margin=specificity=.9", "--margin=brier=.9")
    name = {"calibrate": "cal", "select": "sel"}[role]
    with np.load(compiled / f"{name}.npz") as used, np.load(compiled / "acc.npz") as fresh:
        mixed = {key: np.concatenate([fresh[key], used[key][:2]]) for key in ("x", "y")}
    np.savez(compiled / "mixed.npz", **mixed)
    for given, told in ((f"{name}.npz", "40 cases are in both"), ("mixed.npz", "2 cases are in both")):
        done = compiled.run("judge", "out", "--accept", given, *wide)
        assert done.code == 2, done.out
        assert f"{told} the {role} and the accept set" in " ".join(done.err.split())
    assert _files(compiled / "out") == before


def test_without_the_compiles_sets_it_is_noted_and_their_own_digest_is_refused(compiled, helpers):
    helpers.write_set(compiled / "other.npz", n=400, seed=9)
    wide = ("--margin=auc=.9", "--margin=sensitivity=.9", "--margin=specificity=.9", "--margin=brier=.9")
    for name in ("sel", "cal"):
        (compiled / f"{name}.npz").rename(compiled / f"moved-{name}.npz")
    done = compiled.run("judge", "out", "--accept", "other.npz", "--json")
    notes = " ".join(json.loads(done.out)["onnxruntime-fp32"]["notes"])
    assert "not compared with the compile's calibrate and select sets" in notes
    helpers.write_set(compiled / "sel.npz", n=40, seed=77)
    done = compiled.run("judge", "out", "--accept", "other.npz", "--json")
    notes = " ".join(json.loads(done.out)["onnxruntime-fp32"]["notes"])
    assert "not compared with the compile's calibrate and select sets" in notes
    for name, role in (("sel", "select"), ("cal", "calibrate")):
        done = compiled.run("judge", "out", "--accept", f"moved-{name}.npz", *wide)
        assert done.code == 2, done.out
        assert f"this is the compile's {role} set" in " ".join(done.err.split())


def test_its_own_runtime_is_what_answers_without_a_stand_in(compiled):
    done = compiled.run("judge", "out", "--engine")
    assert done.code == 0, done.err
    assert "opening    1 of 1" in done.out


def test_inside_an_artefact_its_verdict_alone_is_printed(compiled):
    inside = type(compiled)(compiled / "out/artefacts/onnxruntime-fp32")
    done = inside.run("judge", ".", "--base", str(compiled.folder), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["id"] == "onnxruntime-fp32"


def test_a_broken_ledger_is_told_before_the_set_is_looked_at(compiled):
    (compiled / "out/acceptance-ledger.json").write_text("{")
    done = compiled.run("judge", "out", "--accept", "gone.npz")
    assert done.code == 2
    assert "ledger of the acceptance set cannot be read" in " ".join(done.err.split())


def test_a_dry_run_opens_nothing_and_counts(compiled):
    before = _files(compiled / "out")
    done = compiled.run("judge", "out", "--dry-run", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["cases"] == 400
    assert told["class_counts"] == {"scores": {"negative": 200, "positive": 200}}
    assert told["artefacts"] == {"onnxruntime-fp32": "onnxruntime"}
    told = compiled.run("judge", "out", "--dry-run", "--margin", "accuracy=.1").out
    assert "possible where few answers change" in told
    assert "accuracy: 0.1" in told
    assert "sensitivity: 0.05" in told
    assert "mean absolute error" not in told
    assert _files(compiled / "out") == before


def test_too_few_cases_are_refused_before_they_are_opened(compiled, helpers):
    helpers.write_set(compiled / "few.npz", n=60, seed=9)
    before = _files(compiled / "out")
    for more in ((), ("--dry-run",)):
        done = compiled.run("judge", "out", "--accept", "few.npz", *more)
        assert done.code == 2, done.out + done.err
        assert "73" in done.err
        assert "loading" not in done.err
    assert _files(compiled / "out") == before


def test_a_set_without_labels_is_refused(compiled, helpers):
    helpers.write_set(compiled / "bare.npz", n=400, labels=False)
    done = compiled.run("judge", "out", "--accept", "bare.npz")
    assert done.code == 2
    assert "no labels" in done.err


def test_sets_are_found_from_elsewhere_or_asked_for(compiled, tmp_path_factory):
    there = tmp_path_factory.mktemp("there")
    shutil.copytree(compiled / "out", there / "out")
    for name in ("out/artefacts/onnxruntime-fp32", "out"):
        done = compiled.run("judge", str(there / name))
        assert done.code == 0, done.err
    elsewhere = type(compiled)(there)
    done = elsewhere.run("judge", "out")
    assert done.code == 2
    assert "--base FOLDER" in done.err
    assert elsewhere.run("judge", "out", "--base", str(compiled.folder)).code == 0


def test_an_artefact_alone_has_no_original(compiled):
    shutil.copytree(compiled / "out/artefacts/onnxruntime-fp32", compiled / "alone")
    done = compiled.run("judge", "alone")
    assert done.code == 2
    assert "beside its original" in done.err


def test_a_changed_artefact_is_not_judged(compiled):
    path = compiled / "out/artefacts/onnxruntime-fp32/model.onnx"
    path.write_bytes(path.read_bytes() + b" ")
    done = compiled.run("judge", "out")
    assert done.code == 5
    assert "not the file that was judged" in done.err


def test_the_self_test_prints_each_control_and_opens_no_acceptance_set(compiled):
    before = _files(compiled / "out")
    done = compiled.run("judge", "--self-test", "out", "--json")
    tested = json.loads(done.out)
    assert [each["name"] for each in tested["controls"]] == [
        "identical copy", "pruned", "wrong scale", "clipped", "threshold", "swapped",
    ]  # fmt: skip
    assert _files(compiled / "out") == before
    assert tested["ref"] == "sel.npz"
    shows_nothing = [each for each in tested["controls"] if each["passed"] is False]
    assert shows_nothing
    assert all(each["reason"].startswith("too few cases") for each in shows_nothing)
    assert done.code == 3


def test_the_self_test_on_an_acceptance_set_is_in_the_ledger(compiled):
    done = compiled.run("judge", "--self-test", "out", "--accept", "acc.npz")
    assert done.code == 0, done.out + done.err
    assert "passed: what was broken is refused" in done.out
    opening = json.loads((compiled / "out/acceptance-ledger.json").read_text())["openings"][-1]
    assert opening["number"] == 2
    assert opening["outcomes"]["swapped"] == "refuted"
    assert opening["outcomes"]["identical copy"] == "proven"
