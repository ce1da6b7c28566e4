"""A recipe whose step reads a statistics file: refused early, in every digest, told without its folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgemed.types import digest_of_file

SHAPE = (2, 64)
RECIPE = """
[model]
source = "model.onnx"
[data]
calibrate = "cal.npz"
select = "sel.npz"
accept = "acc.npz"
[inputs.signal]
shape = [2, 64]
layout = "CL"
steps = [{{ op = "whiten", statistics = "{}" }}]
[trials]
launches = 1
seconds = 0.05
[golden]
cases = 4
"""


@pytest.fixture
def whitened(site):
    """The site with statistics in a folder of their own that change nothing."""
    (site / "statistics").mkdir()
    write(site)
    (site / "recipe.toml").write_text(RECIPE.format("statistics/whiten.npz"))
    return site


def write(site, mean=0.0, std=1.0):
    np.savez(site / "statistics/whiten.npz", mean=np.full(SHAPE, mean), std=np.full(SHAPE, std))


def made(site):
    """Stages that were not found in the cache."""
    return {stage["name"] for stage in site.report()["stages"] if not stage["cached"]}


@pytest.mark.slow
def test_a_changed_file_is_another_compile(whitened, helpers):
    def compiled():
        done = whitened.run("compile", "recipe.toml", "-o", "out", "--precision", "fp32", "--no-gate")
        assert done.code == 0, done.err
        answer = whitened.run("run", "out", "one.npz", "--json")
        assert answer.code == 0, answer.err
        return json.loads(answer.out)["outputs"]["scores"]["probabilities"]

    signals, _ = helpers.signals(1, 9)
    np.savez(whitened / "one.npz", signal=signals)
    first = compiled()
    digest = whitened.report()["recipe_digest"]
    write(whitened, std=4.0)
    assert compiled() != pytest.approx(first, abs=1e-3)
    assert {"inputs", "graph", "golden"} <= made(whitened)
    assert whitened.report()["recipe_digest"] != digest
    write(whitened)
    assert compiled() == first
    assert made(whitened) == {"data"}
    assert whitened.report()["recipe_digest"] == digest


@pytest.mark.slow
def test_an_artefact_tells_the_digest_and_no_folder(whitened):
    path = whitened / "statistics/whiten.npz"
    (whitened / "recipe.toml").write_text(RECIPE.format(path))
    done = whitened.fp32("recipe.toml", "-o", "out", "--no-gate")
    assert done.code == 0, done.err
    artefact = whitened / "out/artefacts/onnxruntime-fp32"
    (step,) = json.loads((artefact / "manifest.json").read_text())["preprocess"]["in_graph"]["signal"]
    assert step == {"op": "whiten", "statistics": "whiten.npz", "sha256": digest_of_file(path)}
    for file in artefact.iterdir():
        assert str(whitened.folder).encode() not in file.read_bytes()
    (told,) = whitened.report()["recipe"]["inputs"]["signal"]["steps"]
    assert told["args"]["sha256"] == step["sha256"]
    path.unlink()
    done = whitened.run("judge", "out", "--accept", "acc.npz")
    assert done.code in (0, 3), done.err


def _gone(path):
    path.unlink()


def _torn(path):
    path.write_bytes(path.read_bytes()[:100])


def _short(path):
    np.savez(path, mean=np.zeros((2, 63)), std=np.ones((2, 63)))


def _constant(path):
    np.savez(path, mean=np.zeros(SHAPE), std=np.zeros(SHAPE))


SAID = {
    _gone: "there is no file whiten.npz",
    _torn: "whiten.npz: the .npz cannot be read",
    _short: "mean is float64 [2, 63]; expected floats [2, 64]",
    _constant: "std is 0 at [0, 0]",
}


@pytest.mark.parametrize("spoil", SAID, ids=lambda spoil: spoil.__name__)
def test_bad_statistics_are_refused_before_the_export(whitened, spoil):
    spoil(whitened / "statistics/whiten.npz")
    for more in ((), ("--dry-run",)):
        done = whitened.fp32("recipe.toml", "-o", "out", *more)
        done.refused(2, SAID[spoil], "inputs.signal.steps[0] (whiten)")
    assert not list((whitened / "out").glob(".cache/graph-*"))


def test_a_dry_run_takes_good_statistics(whitened):
    done = whitened.fp32("recipe.toml", "-o", "out", "--dry-run")
    assert done.code == 0, done.err
    assert "put the preprocessing of 'signal' into the graph: whiten" in done.out


@pytest.mark.slow
def test_a_digest_in_the_recipe_is_held_to_whatever_is_cached(whitened):
    digest = digest_of_file(whitened / "statistics/whiten.npz")
    text = RECIPE.format(f'statistics/whiten.npz", sha256 = "{digest}')
    (whitened / "recipe.toml").write_text(text)
    done = whitened.fp32("recipe.toml", "-o", "out", "--no-gate")
    assert done.code == 0, done.err
    write(whitened, std=4.0)
    whitened.fp32("recipe.toml", "-o", "out", "--no-gate").refused(2, f"expected {digest}")
