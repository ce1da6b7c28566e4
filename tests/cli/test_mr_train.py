"""`edgemed mr train` as a user runs it: from raw signals to a folder that compiles as it is."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from planted import planted, write_planted

from edgemed.mr.trained_folder import FILES, TrainingReport
from edgemed.runtime import Session

pytestmark = pytest.mark.slow

HEADS = ("--label", "lesion", "--value", "volume", "--unit", "mL")
TRAIN = ("mr", "train", "train.npz", *HEADS, "--test", "test.npz")
QUICK = ("--snr", "100", "--snr", "1000", "--epochs", "4", "--seeds", "2", "--batch", "16")
QUICK_RECIPE = "\n[trials]\nlaunches = 1\nseconds = 0.05\n[golden]\ncases = 4\n[judge]\ngate = false\n"


def write_sets(folder: Path) -> None:
    for seed, (name, n) in enumerate((("train", 100), ("test", 40), ("accept", 40))):
        write_planted(folder / f"{name}.npz", n, seed)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, helpers):
    """A site with the sets, the folder `trained`, and what the command told (`told`)."""
    site = helpers.Site(tmp_path_factory.mktemp("train"))
    write_sets(site.folder)
    done = site.run(*TRAIN, *QUICK, "-o", "trained")
    assert done.code == 0, done.err
    (site / "told").write_text(done.out)
    return site


def test_the_folder_holds_what_is_told(trained):
    assert {path.name for path in (trained / "trained").iterdir()} == set(FILES)
    report = TrainingReport.from_json((trained / "trained/training.json").read_text())
    assert report.signals == {"train": 80, "validate": 20, "test": 40}
    assert (report.tested_on, report.study.seeds, len(report.validation)) == ("test", 2, 2)
    assert report.chosen == int(np.argmax(report.validation))
    every = [each for each in report.figures if not each.values]
    assert [(each.head, each.measure, each.snr) for each in every] == [
        (head, measure, snr)
        for snr in (100.0, 1000.0)
        for head, measure in (("lesion", "AUC"), ("lesion", "balanced accuracy"), ("volume", "R2"))
    ]
    assert len(report.figures) - len(every) == 2 * 2 * 3  # SNRs, heads, thirds
    for each in report.figures:
        assert len(each.networks) == 2
    told = (trained / "told").read_text()
    assert "lesion: 'lesion' is the positive class, 'no lesion' the other" in told
    assert "no column patient" not in told
    assert "On the test set" in told
    behind = [each for each in every if each.linear > each.mean]
    assert ("the linear readout does better" in told) == bool(behind)
    for each in every:
        assert f"{each.mean:.3f} ± {each.deviation:.3f}" in told
        assert f"{each.linear:.3f}" in told


@pytest.mark.parametrize("model", ["model.pt2", "model.py:build"])
def test_no_other_recipe_is_drafted_for_a_network_that_has_one(trained, model):
    done = trained.run("init", "-m", f"trained/{model}", "--calibrate", "train.npz")
    done.refused(2, "was written with this network", "edgemed compile trained/recipe.toml")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"larmor_frequency_hz": np.float64(2.7e6)}, "Larmor frequency 2.7e+06 Hz, expected 2.1e+06 Hz"),
        ({"protocol": np.array("other")}, "protocol 'other', expected 'planted'"),
    ],
    ids=["field strength", "protocol"],
)
def test_sets_that_were_not_taken_as_the_training_set_are_refused(trained, change, says):
    write_planted(trained / "other.npz", 20, 9, **change)
    done = trained.run("compile", "trained/recipe.toml", "--calibrate", "other.npz", "--dry-run")
    done.refused(2, "not taken as the signals that the model was trained on", says)


def test_the_linear_readout_stands_beside_the_network(trained):
    """The planted signals are easy, and a line says so to whoever looks at the network alone."""
    report = TrainingReport.from_json((trained / "trained/training.json").read_text())
    easy = {each.measure: each.linear for each in report.figures if each.snr == 1000 and not each.values}
    assert easy["AUC"] > 0.9
    assert easy["R2"] > 0.9


def test_the_printed_command_compiles_the_folder_and_the_artefact_answers_as_the_network(trained):
    import torch
    from safetensors.torch import load_file

    from edgemed.mr.models.signal_net import build
    from edgemed.mr.raw_front import STEPS, RawFront
    from edgemed.mr.signal_set import raw_input
    from edgemed.mr.training import answers

    with (trained / "trained/recipe.toml").open("a") as file:
        file.write(QUICK_RECIPE)
    (line,) = [each for each in (trained / "told").read_text().splitlines() if each.startswith("next:")]
    command = shlex.split(line.removeprefix("next: edgemed "))
    sets = iter(("train.npz", "test.npz", "accept.npz"))
    command = [each.replace("SET", next(sets)) if each.startswith("SET") else each for each in command]
    done = trained.run(*command, "-o", "out", "--target", "onnxruntime", "--precision", "fp32")
    assert done.code == 0, done.err

    spec = raw_input("accept.npz", trained.folder)
    held = planted(40, 2)["signal"]
    signals = np.stack((held.real, held.imag), -1)
    session = Session.load(trained / "out/artefacts/onnxruntime-fp32")
    (contract,) = session.manifest.inputs
    assert (contract.shape, contract.acquisition) == (spec.shape, spec.acquisition)
    given = session.run({"signal": signals}, acquisition=spec.acquisition)

    with np.load(trained / "trained/whiten.npz") as whiten:
        rows = (RawFront(spec, STEPS)(signals) - whiten["mean"]) / whiten["std"]
    net = build(channels=24, length=8, heads={"lesion": 1, "volume": 1}, architecture="cnn")
    net.load_state_dict(load_file(trained / "trained/model.safetensors"))
    wanted = answers(net, rows)
    assert given["lesion"] == pytest.approx(1 / (1 + np.exp(-wanted["lesion"])), abs=1e-4)
    assert given["volume"] == pytest.approx(wanted["volume"], abs=1e-3)
    units = {each.name: each.unit for each in session.manifest.outputs}
    assert units == {"lesion": "", "volume": "mL"}

    program = torch.export.load(trained / "trained/model.pt2").module()
    for n in (1, 40):
        exported = program(torch.from_numpy(rows[:n]))
        for name, answer in wanted.items():
            assert exported[name].detach().numpy() == pytest.approx(answer[:n], abs=1e-5)


def test_the_same_command_makes_the_same_files(trained):
    done = trained.run(*TRAIN, *QUICK, "-o", "again", "--json")
    assert done.code == 0, done.err
    assert done.out == (trained / "again/training.json").read_text()
    for name in ("model.safetensors", "whiten.npz", "training.json"):
        assert (trained / "again" / name).read_bytes() == (trained / "trained" / name).read_bytes(), name


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=str)
def test_a_network_is_not_written_over(trained, dry):
    trained.run(*TRAIN, *QUICK, "-o", "trained", *dry).refused(2, "trained/model.py exists", "--force")


def test_a_dry_run_tells_what_would_be_trained(trained):
    done = trained.run(*TRAIN, "-o", "none", "--dry-run", "--architecture", "resnet")
    assert done.code == 0, done.err
    assert "train: 80 signals of 80 groups" in done.out
    assert "network: resnet on 24 channels of 8 samples" in done.out
    assert not (trained / "none").exists()


def test_a_set_that_names_no_patients_says_so(trained):
    write_planted(trained / "nameless.npz", 40, 8, patient=np.array([""] * 40))
    done = trained.run("mr", "train", "nameless.npz", "--label", "lesion", "-o", "none", "--dry-run")
    assert "each signal counts as a patient of its own" in done.out


def test_an_interrupted_training_leaves_nothing(trained, helpers, start):
    command = [sys.executable, "-m", "edgemed", *TRAIN, *QUICK, "--epochs", "100000", "-o", "stopped"]
    process = start(command, cwd=trained.folder, env=helpers.command_env())
    for line in process.stderr:
        if line.startswith("… seed 0"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.split()) == (130, "", ["interrupted"])
    assert list((trained / "stopped").iterdir()) == []  # the same command needs no --force


def test_a_folder_that_cannot_be_written_to_is_told_before_the_training(trained):
    (trained / "file").write_text("")
    done = trained.run(*TRAIN, "--epochs", "100000", "-o", "file")
    done.refused(4, "cannot write")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('layout = "TESKQ"\nsteps = []', "the file has the keys layout, steps; expected steps alone"),
        ("steps = [", "the steps cannot be read"),
    ],
    ids=["more", "torn"],
)
def test_steps_that_do_not_fit_are_refused(trained, text, says):
    (trained / "steps.toml").write_text(text)
    trained.run(*TRAIN, "--steps", "steps.toml", "-o", "none").refused(2, says)
    assert not (trained / "none").exists()
