"""`edgemed init` drafts a recipe that `edgemed compile` takes as it is."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.head = nn.Linear(4, 2)

    def forward(self, image):
        return self.head(torch.relu(self.conv(image)).mean((2, 3)))
"""


@pytest.fixture
def pictures(tmp_path: Path):
    """`net.py` with weights; folders `cal`, `sel` of PNG by class, and the same as `cal.csv`, `sel.csv`."""
    import torch
    from PIL import Image

    (tmp_path / "net.py").write_text(NET)
    space: dict = {}
    exec(NET, space)
    torch.manual_seed(0)
    torch.save(space["Net"]().state_dict(), tmp_path / "net.pt")
    rng = np.random.default_rng(0)
    for role in ("cal", "sel"):
        with (tmp_path / f"{role}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["path", "label", "patient"])
            for index in range(12):
                name = f"{role}/{('healthy', 'sick')[index % 2]}/{index:02}.png"
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                picture = rng.integers(0, 120, (16, 20)) + 100 * (index % 2)
                Image.fromarray(picture.astype(np.uint8)).save(tmp_path / name)
                table.writerow([name, ("healthy", "sick")[index % 2], f"{role}{index}"])
    return tmp_path


def test_onnx_and_npz(site, helpers):
    (site / "recipes").mkdir()
    done = site.run("init", *helpers.MODEL, *helpers.SETS, "-o", "recipes/net.toml")
    assert done.code == 0, done.err
    assert "edgemed compile recipes/net.toml" in done.out
    compiled = site.fp32("recipes/net.toml", "-o", "out")
    assert compiled.code == 0, compiled.err
    assert str(site.folder) not in (site / "recipes/net.toml").read_text()
    site.run("init", *helpers.MODEL, "-o", "recipes/net.toml").refused(2, "exists", "--force")


def test_fractions_as_labels_are_values(site, helpers):
    x, _ = helpers.signals(20, 1)
    for name in ("sel", "acc"):
        np.savez(site / f"{name}.npz", x=x, y=np.linspace(0.25, 9, 20))
    done = site.run("init", *helpers.MODEL, *helpers.SETS, "-o", "net.toml")
    assert done.code == 0, done.err
    assert '[outputs.scores]\nkind = "regression"' in (site / "net.toml").read_text()


def test_a_recipe_that_cannot_be_written_is_told_before_the_model_is_read(site, helpers):
    site.run("init", "-m", "none.onnx", "-o", "nowhere/r.toml").refused(
        2, "there is no folder nowhere", "--out"
    )
    site.run("init", "-m", "none.onnx", "-o", ".", "--force").refused(2, ". is a folder", "--out")


@pytest.mark.parametrize("kind", ["folder", "csv"])
def test_factory_and_pictures(pictures, helpers, kind):
    site = helpers.Site(pictures)
    sets = ("cal", "sel") if kind == "folder" else ("cal.csv", "sel.csv")
    done = site.run("init", "-m", "net.py:Net", "-w", "net.pt", "--calibrate", sets[0], "--select", sets[1])
    assert done.code == 0, done.err
    compiled = site.fp32("recipe.toml", "-o", "out")
    assert compiled.code == 0, compiled.err + (pictures / "recipe.toml").read_text()
    assert site.report()["model"]["outputs"][0]["labels"] == ["healthy", "sick"]
    answer = site.run("run", "out", "sel/sick/01.png", "--json").json
    assert answer["outputs"]["output"]["decision"] in ("healthy", "sick")
    text = site.run("run", "out", "sel/sick/01.png")
    assert "probability of sick" in text.out


@pytest.mark.parametrize(
    ("tensor", "steps"),
    [
        ([1, 16, 20], ['op = "layout", to = "CHW"', 'op = "scale", by = "1/255"']),
        ([3, 8, 8], ["gray_to_rgb", "size = [8, 8]", '"CHW"', '"1/255"']),
        ([16, 20, 3], ["gray_to_rgb", '"HWC"', '"1/255"']),
        (None, ['"CHW"', '"1/255"']),
    ],
)
def test_steps_from_shapes(pictures, tensor, steps):
    from edgemed.recipe_file import read_recipe
    from edgemed.stages.recipe_draft import draft_recipe
    from edgemed.types import DataSpec, ModelSpec

    facts = {"inputs": [{"name": "image", "shape": tensor}]}
    data = DataSpec(calibrate=str(pictures / "cal"))
    text = draft_recipe(ModelSpec("net.py:Net"), data, facts, pictures)
    (pictures / "recipe.toml").write_text(text)
    lines = [line for line in text.splitlines() if line.startswith("    {")]
    assert len(lines) == len(steps)
    for line, step in zip(lines, steps, strict=True):
        assert step in line
    assert read_recipe(pictures / "recipe.toml").inputs["image"].shape == (16, 20)
