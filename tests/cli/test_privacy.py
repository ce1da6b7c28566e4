"""No patient data goes into an artefact or onto the terminal, though every path and name holds some."""

from __future__ import annotations

import csv

import numpy as np
import pytest

pytestmark = pytest.mark.slow

PATIENT = "SECRET-PATIENT-7"
FOLDER = f"study of {PATIENT}"
CASES = 60
RECIPE = f"""
[model]
source = "model.onnx"
[data]
calibrate = "{FOLDER}/cases.csv::by=ward,rows=0:20"
select = "{FOLDER}/cases.csv::by=ward,rows=20:40"
accept = "{FOLDER}/cases.csv::by=ward,rows=40:60"
[judge]
gate = false
"""
QUICK = 'target = "onnxruntime"\nprecisions = ["fp32"]\n'
TRIALS = "[trials]\nlaunches = 1\nseconds = 0.05\n"


@pytest.fixture
def study(site, helpers):
    """A CSV in a folder, with files and a patient column: the word is in each of these names."""
    signals, labels = helpers.signals(CASES, 3)
    (site / FOLDER).mkdir()
    with (site / FOLDER / "cases.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "patient", "ward"])
        for case in range(CASES):
            name = f"{PATIENT}-{case:02}.npy"
            np.save(site / FOLDER / name, signals[case])
            table.writerow([name, labels[case], f"{PATIENT}-{case}", f"{PATIENT}-ward-{case // 2 % 2}"])
    (site / "recipe.toml").write_text(QUICK + RECIPE + TRIALS)
    return site


def _shipped(site) -> list[str]:
    """Files under `artefacts/` and `original/`, having looked into each for the word."""
    files = [
        path
        for folder in ("artefacts", "original")
        for path in (site / "out" / folder).rglob("*")
        if path.is_file()
    ]
    for path in files:
        assert PATIENT.encode() not in path.read_bytes(), path
        assert PATIENT not in str(path.relative_to(site / "out"))
    return sorted({path.name for path in files})


def test_neither_artefacts_nor_the_terminal_name_a_patient(study):
    done = study.run("compile", "recipe.toml", "-o", "out")
    assert done.code == 0, done.err
    assert _shipped(study) == ["golden.npz", "manifest.json", "model.onnx", "verdict.json"]
    assert study.report()["data"][0]["n"] == CASES // 3
    assert PATIENT not in done.out
    assert PATIENT not in done.err


def test_what_cannot_be_read_is_named_to_the_user_alone(study):
    torn = f"{PATIENT}-45.npy"
    (study / FOLDER / torn).write_bytes(b"torn")
    refused = study.run("compile", "recipe.toml", "-o", "out")
    refused.refused(2, torn)
    assert PATIENT not in refused.out
    done = study.run("compile", "recipe.toml", "-o", "out", "--skip-bad")
    assert done.code == 0, done.err
    assert _shipped(study) == ["golden.npz", "manifest.json", "model.onnx", "verdict.json"]
    assert PATIENT not in done.out
    assert done.err.count(PATIENT) == done.err.count(torn) > 0
