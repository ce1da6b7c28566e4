"""A second compile redoes only what depends on the change, and two compiles of one recipe give one result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

RECIPE = """
[model]
source = "model.onnx"
[data]
calibrate = "cal.npz"
select = "sel.npz"
accept = "acc.npz"
[quantise]
samples = 30
"""


def made(report: dict[str, Any]) -> set[str]:
    """Stages that were not found in the cache. The data is read each time: its digest is the key."""
    return {stage["name"] for stage in report["stages"] if not stage["cached"]} - {"data"}


@pytest.fixture
def compiled(site):
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run("compile", "recipe.toml", "-o", "out")
    assert done.code == 0, done.err
    return site


def test_a_change_redoes_only_what_depends_on_it(compiled, helpers):
    def again(recipe: str) -> set[str]:
        (compiled / "recipe.toml").write_text(recipe)
        done = compiled.run("compile", "recipe.toml", "-o", "out")
        assert done.code == 0, done.err
        return made(compiled.report())

    assert again(RECIPE) == set()
    assert again(RECIPE + "[agreement]\ndecisions = 0.9\nauc = 0.1\n") == set()

    thresholds = again(RECIPE + '[outputs.scores]\nthreshold = 0.3\nlabels = ["sick", "well"]\n')
    assert {name.partition("-")[0] for name in thresholds} <= {"golden", "build", "load"}
    manifest = json.loads(next((compiled / "out/artefacts").glob("*/manifest.json")).read_text())
    assert manifest["outputs"][0]["threshold"] == 0.3
    assert manifest["outputs"][0]["labels"] == ["sick", "well"]

    helpers.write_set(compiled / "sel.npz", seed=77)
    assert {name.partition("-")[0] for name in again(RECIPE)} == {"select"}

    requantised = again(RECIPE.replace("samples = 30", "samples = 20"))
    assert "quantise" in requantised
    assert not {name for name in requantised if "fp" in name or name in ("graph", "golden", "float16")}


def test_two_compiles_give_the_same_artefacts(compiled):
    """The reports too, but for what was measured."""
    other = compiled / "elsewhere"
    other.mkdir()
    for name in ("recipe.toml", "model.onnx", "cal.npz", "sel.npz", "acc.npz"):
        shutil.copy(compiled / name, other / name)
    done = compiled.run("compile", "elsewhere/recipe.toml", "-o", "elsewhere/out")
    assert done.code == 0, done.err
    first, second = (_built(compiled.folder / folder) for folder in ("out", "elsewhere/out"))
    assert set(first) == set(second)
    assert len(first) >= 5
    for name, manifest in first.items():
        assert manifest == second[name], name
    reports = [compiled.report(folder) for folder in ("out", "elsewhere/out")]
    for key in ("recipe_digest", "model", "data", "parity", "roc", "plan", "tools"):
        assert reports[0][key] == reports[1][key], key
    for one, two in zip(reports[0]["candidates"], reports[1]["candidates"], strict=True):
        for key in ("id", "select_agreement", "layers", "size_bytes"):
            assert one[key] == two[key], (one["id"], key)


def _built(out: Path) -> dict[str, Any]:
    """Every manifest, of candidates that were dropped too; its `files` hold the digest of every file."""
    found = out.glob(".cache/build-*/artefact/manifest.json")
    return {path.parents[1].name.rpartition("-")[0]: json.loads(path.read_text()) for path in found}
