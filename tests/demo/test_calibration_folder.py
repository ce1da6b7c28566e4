"""calibration/: static files only, and a README that tells every key of a recipe."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import tomllib

from edgemed import types
from edgemed.preprocess import OPS
from edgemed.types import Recipe, Step

FOLDER = Path(__file__).resolve().parents[2] / "calibration"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
TABLES = {
    "### top level": types.Recipe,
    "### `[model]`": types.ModelSpec,
    "### `[data]`": types.DataSpec,
    "### `[inputs.NAME]`": types.InputRecipe,
    "### `[outputs.NAME]`": types.OutputRecipe,
    "### `[prune]`": types.PruneSpec,
    "### `[quantise]`": types.QuantiseSpec,
    "### `[agreement]`": types.Agreement,
    "### `[judge]`": types.JudgeSpec,
    "### `[trials]`": types.TrialsSpec,
    "### `[golden]`": types.GoldenSpec,
    "### `[card]`": types.CardSpec,
}
SECTIONS = {
    "model", "data", "inputs", "outputs", "prune", "quantise", "agreement", "judge", "margins", "trials",
    "golden", "card",
}  # fmt: skip


def _table(heading: str) -> dict[str, str]:
    """Key to default, from the first table below the heading."""
    part = README.split(heading, 1)[1].split("\n### ")[0].split("| key | default | meaning |")[1]
    rows = part.split("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", rows, re.MULTILINE))


@pytest.mark.parametrize(("heading", "record"), TABLES.items())
def test_readme_has_every_key_with_its_default(heading: str, record: type):
    table = _table(heading)
    fields = {f.name: f for f in dataclasses.fields(record) if f.name not in SECTIONS}
    assert set(table) - SECTIONS == set(fields)
    for name, field in fields.items():
        if field.default is field.default_factory is dataclasses.MISSING:
            assert table[name] == "required"
            continue
        value = field.default_factory() if field.default is dataclasses.MISSING else field.default
        if value is None:
            assert table[name] in ("none", "found")
        elif value == {}:
            assert table[name] == "`{}`"
        else:
            told = tomllib.loads(f"value = {table[name].strip('`')}")["value"]
            assert told == (list(value) if isinstance(value, tuple) else value)


def test_readme_has_every_margin_with_its_default():
    rows = README.split("| margin | default | of |", 1)[1].split("\n\n")[0]
    told = {
        name: None if text == "none" else tomllib.loads(f"value = {text.strip('`')}")["value"]
        for name, text in re.findall(r"^\| `(\w+)` \| (.+?) \|", rows, re.MULTILINE)
    }
    assert told == types.Margins().to_dict()


def test_readme_has_every_preprocessing_step():
    assert set(re.findall(r"^\| `(\w+)` \| `\{ op = ", README, re.MULTILINE)) == set(OPS)


def test_readme_steps_are_understood():
    for text in re.findall(r"^\| `\w+` \| `(\{ op = .+?\})` \|", README, re.MULTILINE):
        step = Step.from_dict(tomllib.loads(f"step = {text}")["step"])
        known = {f.name for f in dataclasses.fields(OPS[step.op])}
        assert set(step.args) <= known


def test_readme_examples_load_and_have_every_key():
    written: set[str] = set()
    for block in README.split("```toml")[1:]:
        data = tomllib.loads(block.split("```")[0])
        Recipe.from_dict(data)
        tables = [data, *(data.get(name, {}) for name in SECTIONS - {"inputs", "outputs", "margins"})]
        tables += [*data["inputs"].values(), *data.get("outputs", {}).values()]
        written |= {key for table in tables for key in table}
    assert written >= {f.name for record in TABLES.values() for f in dataclasses.fields(record)}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/recipe.toml")), ids=lambda path: path.parent.name)
def test_recipes_load(path: Path):
    recipe = Recipe.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    assert recipe.data.calibrate
    assert recipe.data.select
    assert recipe.data.accept


def test_there_is_no_python_here():
    assert sorted({path.suffix for path in FOLDER.rglob("*") if path.is_file()}) == [".md", ".toml"]
    assert len(list(FOLDER.glob("*/recipe.toml"))) == 2
