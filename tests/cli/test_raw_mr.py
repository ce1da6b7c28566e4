"""From the scanner's files to an artefact that reads them: simulated MRD files through the command line."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.runtime import Session
from edgemed.types import RawSignal

pytest.importorskip("h5py", reason="raw MR files need h5py: pip install 'edgemed[mr]'")
pytestmark = pytest.mark.slow

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(6, 8, 9, 4), nn.ReLU(), nn.Conv1d(8, 8, 5, 2), nn.ReLU())
        self.head = nn.Linear(8, 1)

    def forward(self, signal):
        return self.head(self.body(signal).mean(2))
"""
RECIPE = """
name = "imrd"

[model]
source = "net.py:Net"
weights = "net.pt"

[data]
calibrate = "scans/calibrate.csv"
select = "scans/select.csv::label=lesion"
accept = "scans/accept.csv::label=lesion"

[inputs.signal]
layout = "TESKQ"
steps = [
    { op = "phase_reference", echoes = 2 },
    { op = "amplitude", echoes = 2 },
    { op = "average_echoes", every = 2 },
    { op = "iq_channels", shots = "channels" },
]

[outputs.output]
kind = "binary"
ending = "logits"
labels = ["control", "lesion"]

[judge]
gate = false

[golden]
cases = 8
"""
SIMULATE = ("mr", "simulate", "imrd-easy", "--format", "mrd", "-o", "scans")
COUNTS = ("--set", "calibrate=12", "--set", "select=16", "--set", "accept=16")


def write_net(folder: Path, source: str) -> None:
    """`net.py` and `net.pt`, untrained."""
    import torch

    (folder / "net.py").write_text(source)
    space: dict = {}
    exec(source, space)
    torch.manual_seed(0)
    torch.save(space["Net"]().state_dict(), folder / "net.pt")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, helpers):
    """`scans/` and the compile of an untrained net on them, `out`."""
    site = helpers.Site(tmp_path_factory.mktemp("mr"))
    write_net(site.folder, NET)
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run(*SIMULATE, *COUNTS)
    assert done.code == 0, done.err
    assert "SIMULATED imrd-easy" in done.out
    done = site.run("compile", "recipe.toml", "-o", "out", "--target", "onnxruntime", "--precision", "fp32")
    assert done.code == 0, done.err
    return site


@pytest.fixture(scope="module")
def session(scanned) -> Session:
    return Session.load(scanned / "out/artefacts/onnxruntime-fp32")


def read(site, name: str = "accept/00003.h5") -> RawSignal:
    from edgemed.readers.raw import read_raw

    return read_raw(site / "scans" / name)


def test_the_contract_is_what_the_calibration_set_was(scanned, session):
    (spec,) = session.manifest.inputs
    assert spec.shape == (3, 32, 8, 1, 2)
    assert spec.acquisition == read(scanned).acquisition
    assert spec.acquisition.protocol == "ir-cpmg-a"
    signals = [read(scanned, f"calibrate/{number:05d}.h5").samples for number in range(12)]
    rms = [float(np.sqrt((np.abs(each.astype(np.complex128)) ** 2).mean())) for each in signals]
    assert session.manifest.signals["signal"].rms == pytest.approx((min(rms) / 10, max(rms) * 10))


def test_a_file_and_its_samples_get_one_answer(scanned, session):
    signal = read(scanned)
    answer = session.predict(signal.array, acquisition=signal.acquisition)
    done = scanned.run("run", "out", "scans/accept/00003.h5", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)["outputs"]["output"]["probabilities"]
    assert told == pytest.approx(answer["output"].tolist(), rel=1e-6)


def test_samples_alone_are_refused(scanned, session):
    with pytest.raises(BadInput, match="do not show how they were taken") as caught:
        session.predict({"signal": read(scanned).array})
    assert "acquisition=" in caught.value.remedy
    table = read(scanned).acquisition.to_dict()
    with pytest.raises(BadInput, match="and acquisition is a dict"):
        session.predict(read(scanned).array, acquisition=table)


OTHERWISE = {
    "another dwell time": ({"dwell_time_s": 4e-4}, "dwell time 0.0004 s, expected 0.0008 s"),
    "another field": ({"larmor_frequency_hz": 2.7e6}, "Larmor frequency 2.7e+06 Hz, expected 2.12887e+06 Hz"),
    "other inversion times": (
        {"inversion_times_s": (0.0, 0.19, 0.6)},
        "inversion times 0.6 s, expected 0.4 s",
    ),
    "no repetition time": ({"repetition_times_s": None}, "no repetition times are stated, expected 1 s"),
    "another protocol": ({"protocol": "ir-cpmg-b"}, "protocol 'ir-cpmg-b', expected 'ir-cpmg-a'"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_file_that_was_taken_otherwise_is_refused(scanned, session, tmp_path, name):
    from edgemed.mr.mrd_file import write_mrd

    change, says = OTHERWISE[name]
    signal = read(scanned)
    other = dataclasses.replace(signal.acquisition, **change)
    with pytest.raises(BadInput) as caught:
        session.predict({"signal": signal.array}, acquisition=other)
    assert says in caught.value.problem
    write_mrd(tmp_path / "other.h5", RawSignal(signal.samples, other))
    scanned.run("run", "out", str(tmp_path / "other.h5")).refused(2, says.split(",")[0])


def reversed_echoes(samples):
    return samples[:, ::-1]


def silent(samples):
    return 0 * samples


def clipped(samples):
    limit = np.abs(samples).max() / 3
    return np.clip(samples.real, -limit, limit) + 1j * np.clip(samples.imag, -limit, limit)


def broken(samples):
    spoilt = samples.copy()
    spoilt[1, 2, 3] = np.nan
    return spoilt


def short(samples):
    return samples[:, :, :-1]


SPOILT = {
    reversed_echoes: "the echoes rise and fall otherwise",
    silent: "every sample is 0",
    clipped: "clipped:",
    broken: "not finite",
    short: "the signal has 7 samples, expected 8",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_a_spoilt_signal_is_refused_on_the_device(scanned, tmp_path, spoil):
    from edgemed.mr.mrd_file import write_mrd

    signal = read(scanned)
    samples = np.ascontiguousarray(spoil(signal.samples)).astype(np.complex64)
    write_mrd(tmp_path / "spoilt.h5", RawSignal(samples, signal.acquisition))
    scanned.run("run", "out", str(tmp_path / "spoilt.h5")).refused(2, SPOILT[spoil])


def test_a_torn_file_is_refused_by_a_compile_and_on_the_device(scanned, tmp_path):
    whole = (scanned / "scans/accept/00003.h5").read_bytes()
    (tmp_path / "torn.h5").write_bytes(whole[: len(whole) // 2])
    scanned.run("run", "out", str(tmp_path / "torn.h5")).refused(2, "torn.h5")
    shutil.copytree(scanned.folder, tmp_path / "site", ignore=shutil.ignore_patterns("out"))
    site = type(scanned)(tmp_path / "site")
    (site / "scans/accept/00003.h5").write_bytes(whole[: len(whole) // 2])
    site.fp32("recipe.toml", "-o", "out").refused(2, "accept/00003.h5")


def test_one_set_of_another_protocol_is_refused(scanned, tmp_path):
    shutil.copytree(scanned.folder, tmp_path / "site", ignore=shutil.ignore_patterns("out"))
    site = type(scanned)(tmp_path / "site")
    done = site.run(*SIMULATE, "--protocol", "B", "--set", "select=16", "--force")
    assert done.code == 0, done.err
    site.fp32("recipe.toml", "-o", "out").refused(2, "select/00000.h5")


def test_an_archive_of_signals_is_a_set(scanned, tmp_path):
    for name in ("net.py", "net.pt", "recipe.toml"):
        shutil.copy(scanned / name, tmp_path)
    site = type(scanned)(tmp_path)
    assert site.run("mr", "simulate", "imrd-easy", *COUNTS, "-o", "scans").code == 0
    text = (tmp_path / "recipe.toml").read_text().replace(".csv::label=", ".npz::x=signal,y=")
    (tmp_path / "recipe.toml").write_text(text.replace('calibrate.csv"', 'calibrate.npz::x=signal"'))
    done = site.fp32("recipe.toml", "-o", "out")
    assert done.code == 0, done.err
    ours, theirs = (
        {each["role"]: each["n"] for each in json.loads((where / "out/report.json").read_text())["data"]}
        for where in (tmp_path, Path(scanned.folder))
    )
    assert ours == theirs


def test_inspect_tells_how_a_signal_must_be_taken(scanned):
    shown = " ".join(scanned.run("inspect", "out").out.split())
    assert (
        "taken with 3 x 32 x 8 x 1 (shots x echoes x samples x coils), protocol 'ir-cpmg-a', "
        "dwell time 800 us, Larmor frequency 2.129 MHz, echo times 15 to 480 ms, "
        "inversion times 0, 190, 400 ms, repetition times 1000 ms" in shown
    )
    (spec,) = scanned.run("inspect", "out", "--json").json["inputs"]
    assert spec["acquisition"] == read(scanned).acquisition.to_dict()


@pytest.mark.parametrize("form", ["mrd", "npz"])
@pytest.mark.parametrize(
    ("tensor", "shots"), [([6, 256], "channels"), ([2, 768], "length"), (None, "length")], ids=str
)
def test_a_recipe_is_drafted_for_raw_signals(scanned, tmp_path, form, tensor, shots):
    from edgemed.recipe_file import read_recipe
    from edgemed.stages.recipe_draft import draft_recipe
    from edgemed.types import DataSpec, ModelSpec

    cal = scanned / "scans/calibrate.csv"
    if form == "npz":
        site = type(scanned)(tmp_path)
        assert site.run("mr", "simulate", "imrd-easy", "--set", "calibrate=2").code == 0
        cal = tmp_path / "signals/calibrate.npz"
    facts = {"inputs": [{"name": "channels", "shape": tensor}]}
    text = draft_recipe(ModelSpec("net.py:Net"), DataSpec(calibrate=str(cal)), facts, tmp_path)
    (tmp_path / "drafted.toml").write_text(text)
    drafted = read_recipe(tmp_path / "drafted.toml").inputs["channels"]
    assert (drafted.layout, drafted.shape) == ("TESKQ", ())
    assert [step.op for step in drafted.steps] == ["phase_reference", "amplitude", "iq_channels"]
    assert drafted.steps[-1].args.get("shots", "length") == shots
    assert "protocol 'ir-cpmg-a', dwell time 800 us" in text


def test_a_drafted_recipe_fits_a_model_of_raw_signals(helpers, tmp_path):
    write_net(tmp_path, NET.replace("Conv1d(6", "Conv1d(2").replace("signal", "channels"))
    site = helpers.Site(tmp_path)
    sets = ("--set", "calibrate=2", "--set", "select=2", "--set", "accept=2")
    assert site.run("mr", "simulate", "imrd-easy", *sets).code == 0
    named = [
        part for name in ("calibrate", "select", "accept") for part in (f"--{name}", f"signals/{name}.npz")
    ]
    done = site.run("init", "-m", "net.py:Net", "-w", "net.pt", *named)
    assert done.code == 0, done.err
    done = site.run("compile", "recipe.toml", "--dry-run")
    assert done.code == 0, done.err


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=str)
def test_simulated_sets_are_not_written_over(scanned, dry):
    scanned.run(*SIMULATE, *COUNTS, *dry).refused(2, "exists", "--force")
    assert scanned.run(*SIMULATE, *COUNTS, "--dry-run", "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("imrd-esy",), ("no task 'imrd-esy'", "imrd-easy")),
        (("gone.json",), ("the task cannot be read", "gone.json")),
        (("imrd-easy", "--set", "accept"), ("'accept' is no set of its own", "NAME=N")),
        (("imrd-easy", "--set", "a=0"), ("'a=0' is no set",)),
    ],
)
def test_what_cannot_be_simulated_is_refused(site, arguments, words):
    site.run("mr", "simulate", *arguments).refused(2, *words)


def test_a_task_of_ones_own_is_a_file(site):
    told = site.run("mr", "simulate", "imrd-honest", "--dry-run", "--json")
    task = json.loads(told.out)
    task["name"], task["spread"]["relaxation_cv"] = "mine", 0.05
    (site / "mine.json").write_text(json.dumps(task))
    done = site.run("mr", "simulate", "mine.json", "--dry-run")
    assert "SIMULATED mine" in done.out
    assert "spread by 5.0%" in done.out


STRESS = ("mr", "stress", "out", "imrd-easy", "--heads", "12", "--axis", "snr", "--axis", "echoes")


@pytest.fixture(scope="module")
def stressed(scanned):
    report = (scanned / "out/report.json").read_bytes()
    done = scanned.run(*STRESS)
    assert (scanned / "out/report.json").read_bytes() == report
    return done


def test_a_stress_test_is_written_beside_the_report_and_drawn_into_it(scanned, stressed):
    from edgemed.types.stress import Stress

    found = Stress.from_json((scanned / "out/stress.json").read_text())
    assert stressed.code == (0 if found.held else 3), stressed.err
    assert [(axis.name, len(axis.points)) for axis in found.axes] == [("snr", 5), ("echoes", 5)]
    losses = {
        each.loss
        for axis in found.axes
        for point in axis.points
        for figure in point.figures
        for each in figure.artefacts
    }
    assert losses == {0.0}, "fp32 is the original itself"
    page = (scanned / "out/report.html").read_text()
    for text in (stressed.out, page):
        assert "SIMULATED imrd-easy" in text
        assert "filled with the complex multiple of the mean signal" in " ".join(text.split())
        assert "Session.run" in text
    assert page.count("AUC of output</strong>") == 2


def test_the_points_are_told_before_anything_is_simulated(scanned):
    done = scanned.run(*STRESS, "--dry-run")
    assert done.code == 0, done.err
    assert "0 %, 10 %, 20 %, 40 %, 60 %" in done.out
    assert "12 heads of seed 1000, once" in done.out
    told = scanned.run(*STRESS, "--dry-run", "--json").json
    assert told["axes"]["snr"] == [30.0, 100.0, 300.0, 1000.0, 3000.0]
    assert told["scored"] == {"output": "auc"}


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("out", ("--protocol", "B"), ("dwell time 0.0002 s, expected 0.0008 s", "--protocol")),
        ("out", ("--label", "lesion"), ("there is no head 'lesion'",)),
        ("out/artefacts/onnxruntime-fp32", (), ("this is an artefact", "next: give its compile: out")),
    ],
)
def test_what_cannot_be_put_under_stress_is_refused(scanned, path, options, words):
    scanned.run("mr", "stress", path, "imrd-easy", *options).refused(2, *words)


def test_the_axes_of_the_command_are_all_there_are():
    from typing import get_args

    from edgemed.cli.mr_stress import AXES
    from edgemed.mr.stress_points import VALUES
    from edgemed.report.stress_text import AXES as WORDS
    from edgemed.types.stress import AxisName

    assert get_args(AxisName) == AXES == tuple(VALUES) == tuple(WORDS)
