"""Real CPMG decays of 12 liquids at 0.645 T: from the table to artefacts that answer as the network does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgemed.cli import cli
from edgemed.runtime import Session

LARMOR = 27.46e6
SETS = {
    "calibrate": ("iso-octane", "CN50", "POSF 4734", "POSF 6308"),
    "select": ("n-heptane", "iso-cetane", "POSF 10153", "POSF 7629"),
    "accept": ("toluene", "n-butocyclohexane", "POSF 6169", "CN40"),
}
STEPS = """
steps = [
    { op = "amplitude", echoes = 8 },
    { op = "average_echoes", every = 9 },
    { op = "iq_channels" },
]
"""


def run(*args: str) -> str:
    done = CliRunner().invoke(cli, args)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def folder(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`decays.npz` of all liquids, and one file for each of `SETS`."""
    table = data_dir / "tdnmr_t2_decays.npz"
    if not table.is_file():
        pytest.skip(f"no real decays: {table} is not there")
    made = tmp_path_factory.mktemp("decays")
    common = ("mr", "decays", str(table), "--larmor-frequency", str(LARMOR))
    run(*common, "-o", str(made / "decays.npz"))
    for name, liquids in SETS.items():
        only = [word for liquid in liquids for word in ("--only", f"substance={liquid}")]
        run(*common, *only, "-o", str(made / f"{name}.npz"))
    return made


def test_no_liquid_is_in_two_sets_and_none_is_lost(folder: Path) -> None:
    liquids = []
    for name in SETS:
        with np.load(folder / f"{name}.npz") as made:
            assert set(made["kind"]) == {"hydrocarbons", "jet fuels"}
            liquids += made["substance"].tolist()
    with np.load(folder / "decays.npz") as whole:
        assert sorted(liquids) == sorted(whole["substance"].tolist())


def test_the_liquids_relax_as_such_liquids_do(folder: Path) -> None:
    """T2 by a log-linear fit of the first 0.2 s: an oil of C16 relaxes faster than heptane, CN40 slowest."""
    with np.load(folder / "decays.npz") as made:
        signal, times, liquids = made["signal"], made["echo_times_s"], made["substance"]
    early = times < 0.2
    rows = np.log(signal[:, 0, early, 0, 0].real)
    t2 = -1 / np.polynomial.polynomial.polyfit(times[early], rows.T, 1)[1]
    of = {liquid: t2[liquids == liquid] for liquid in np.unique(liquids)}
    assert all(((each > 0.3) & (each < 3)).all() for each in of.values()), of
    assert all(np.ptp(each) < 0.5 * each.mean() for each in of.values()), of
    assert max(of, key=lambda liquid: of[liquid].mean()) in ("CN40", "CN50")
    assert min(of, key=lambda liquid: of[liquid].mean()) == "iso-cetane"
    assert of["n-heptane"].min() > of["iso-cetane"].max()


@pytest.mark.slow
def test_artefacts_answer_unseen_liquids_as_the_trained_network_does(folder: Path) -> None:
    (folder / "steps.toml").write_text(STEPS)
    trained, out = folder / "trained", folder / "out"
    refs = {name: f"{folder}/{name}.npz::group=substance" for name in SETS}
    run(
        "mr", "train", refs["calibrate"], "--validate", refs["select"], "--label", "kind",
        "--steps", str(folder / "steps.toml"), "--epochs", "6", "--batch", "10", "-o", str(trained),
    )  # fmt: skip
    run(
        "compile", str(trained / "recipe.toml"), "--target", "onnxruntime", "--precision", "fp32",
        "--no-gate", "--calibrate", refs["calibrate"],
        "--select", refs["select"] + ",y.kind=kind", "--accept", refs["accept"] + ",y.kind=kind",
        "-o", str(out),
    )  # fmt: skip
    session = Session.load(out / "artefacts" / "onnxruntime-fp32")
    (spec,) = session.manifest.inputs
    with np.load(folder / "accept.npz") as made:
        signal = made["signal"]
    raw = np.ascontiguousarray(signal).view(np.float32).reshape(-1, *spec.shape)
    answers = session.run({"signal": raw}, acquisition=spec.acquisition)["kind"][:, -1]
    expected = by_hand(signal[:, 0, :, 0, 0], trained)
    assert np.ptp(expected) > 0.01
    assert np.abs(answers - expected).max() < 1e-4

    table = folder / "one.npz"
    np.savez(table, x=signal[:1, 0, :, 0, 0].real, t=spec.acquisition.echo_times_s)
    for name, larmor in (("same", LARMOR), ("other", LARMOR / 2)):
        one = str(folder / f"{name}.npz")
        run("mr", "decays", str(table), "--larmor-frequency", str(larmor), "-o", one)
    told = json.loads(run("run", str(out), str(folder / "same.npz"), "--json"))
    assert told["outputs"]["kind"]["probabilities"][-1] == pytest.approx(answers[0], abs=1e-6)
    refused = CliRunner().invoke(cli, ("run", str(out), str(folder / "other.npz")))
    assert refused.exit_code == 2
    assert "Larmor frequency 1.373e+07 Hz, expected 2.746e+07 Hz" in refused.output


def by_hand(signal: np.ndarray, trained: Path) -> np.ndarray:
    """The steps in numpy, the network in torch: complex (n, echoes) to probabilities (n,)."""
    import torch

    scaled = signal / np.abs(signal[:, :8].mean(1, keepdims=True))
    averaged = scaled.reshape(len(signal), -1, 9).mean(2)
    with np.load(trained / "whiten.npz") as stored:
        rows = (np.stack((averaged.real, averaged.imag), 1) - stored["mean"]) / stored["std"]
    network = torch.export.load(trained / "model.pt2").module()
    with torch.no_grad():
        logits = network(torch.from_numpy(rows.astype(np.float32)))["kind"].numpy()[:, 0]
    return np.asarray(1 / (1 + np.exp(-logits)))
