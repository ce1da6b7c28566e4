"""The README is run as it stands, and what it lists is compared with the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import graphs
import numpy as np
import pytest
import tomllib
from click.testing import CliRunner

from edgemed import __version__, errors
from edgemed.cli import cli
from edgemed.errors import BadInput
from edgemed.preprocess import compare_with_training, write_front
from edgemed.preprocess.pillow_filter import Filter
from edgemed.preprocess.registry import OPS
from edgemed.preprocess.training import SHARE_OF_RANGE
from edgemed.readers.group import GROUP_NAMES
from edgemed.readers.npz import INPUT_NAMES, LABEL_NAMES
from edgemed.sources.normalise import OPSET
from edgemed.stages.inputs import REAL_SAMPLES
from edgemed.targets import load_target, target_names
from edgemed.types import InputSpec, OutputSpec, Recipe, Record

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "calibration" / "README.md").read_text(encoding="utf-8")
DESIGN = (ROOT / "edgemed" / "DESIGN.md").read_text(encoding="utf-8")


def blocks(language: str, document: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", document, flags=re.MULTILINE | re.DOTALL)


PROVABLE = 200
"""Cases of each class with which an artefact that never decides otherwise is proven not worse."""


def write_example(folder: Path) -> None:
    """The files that the README names: pictures whose middle is bright or not, and a net that sees it."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for role in ("calibrate", "select", "accept"):
        for label in ("normal", "pneumonia"):
            of_class = folder / "xray" / role / label
            of_class.mkdir(parents=True)
            for index in range(12 if role != "accept" else PROVABLE):
                picture = rng.integers(0, 100, (28, 28))
                if label == "pneumonia":
                    picture[8:20, 8:20] += 120
                Image.fromarray(picture.astype(np.uint8)).save(of_class / f"{index}.png")
    (folder / "new.png").write_bytes((folder / "xray" / "accept" / "pneumonia" / "0.png").read_bytes())
    g = graphs.Writer(0)
    kernel = np.full((4, 1, 3, 3), 1 / 9, np.float32) * np.array([1, 2, 3, 4], np.float32).reshape(4, 1, 1, 1)
    x = g.pooled(g.relu(g.add("Conv", "image", g.constant(kernel), pads=[1, 1, 1, 1])))
    matrix, bias = np.full((4, 1), 5, np.float32), np.array([-12], np.float32)
    g.add("Gemm", x, g.constant(matrix), g.constant(bias), out="finding")
    image = InputSpec("image", "float32", (1, 28, 28))
    g.write(folder, "model", (image,), (OutputSpec("finding", "binary", 1),))


@pytest.mark.slow
def test_commands_of_the_first_compile_run_as_written(tmp_path: Path) -> None:
    from PIL import Image

    write_example(tmp_path)
    before, _, after = README.partition("### From an .h5")
    commands = blocks("bash", before + after[after.index("\n## ") :])
    assert len(commands) == 7
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "EDGEMED_TRUST": str(tmp_path / "trust.json")}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(commands)],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout

    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    best = tmp_path / "out" / "artefacts" / report["best"]
    for name in ("report.html", "original/manifest.json"):
        assert name.partition("/")[0] in README
        assert (tmp_path / "out" / name).is_file()
    for name in ("manifest.json", "golden.npz"):
        assert name in README
        assert (best / name).is_file()

    pixels = np.asarray(Image.open(tmp_path / "new.png"))
    answers = []
    for name, array in (("image", pixels), ("any", pixels[np.newaxis])):
        np.savez(tmp_path / "new.npz", **{name: array})
        answers.append(CliRunner().invoke(cli, ["run", str(tmp_path / "out"), str(tmp_path / "new.npz")]))
    assert answers[0].stdout.startswith("finding: ")
    assert answers[0].stderr == f"artefact: {best.name}, chosen by the compile\n"
    assert answers[0].stdout == answers[1].stdout

    shown = subprocess.run(
        ["bash", "-c", "edgemed inspect out"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    (printed,) = re.findall(r"^artefact +(\S+)", shown.stdout, flags=re.MULTILINE)
    assert tmp_path / printed == best
    assert (tmp_path / "pi" / "tuned.json").is_file()
    assert "whole, signed by lab" in done.stdout
    (wheel,) = (tmp_path / "wheels").iterdir()
    module = wheel.name.partition("-")[0]
    assert f"`import {module}; {module}.load()`" in README
    assert f"--find-links pi '{module.replace('_', '-')}[images]'" in README
    assert f"would make pi/{wheel.name}, which asks for\n" in done.stdout
    (device,) = blocks("python", before)
    shutil.copytree(tmp_path / printed, tmp_path / "artefact")
    done = subprocess.run(
        [sys.executable, "-c", device], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "finding" in done.stdout


@pytest.mark.parametrize("name", [name for name in target_names() if load_target(name).install])
def test_install_notes_take_the_wheel_that_the_readme_makes(name: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    note = load_target(name).install
    (given,) = re.findall(r"pip install 'WHEEL\[(.*?)\]'", note)
    assert set(given.split(",")) <= set(extras)
    for text in (note, README):
        assert "pip wheel --no-deps ." in text
        assert "pip install 'edgemed[" not in text
    assert f"'edgemed-{__version__}-py3-none-any.whl[" in README


def test_exit_codes_are_those_of_the_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)}
    assert listed == {value for name, value in vars(errors).items() if name.startswith("EXIT_")}


def test_every_command_is_named() -> None:
    assert [name for name in cli.commands if not re.search(rf"edgemed {name}\b|`{name}`", README)] == []


@pytest.mark.parametrize(
    "document", ["README.md", "CHANGELOG.md", "edgemed/DESIGN.md", "calibration/README.md"]
)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_every_key_of_a_recipe_is_listed() -> None:
    seen, left = set(), [Recipe]
    while left:
        record = left.pop()
        for name, hint in get_type_hints(record).items():
            seen.add(name)
            left += [
                each
                for each in (hint, *get_args(hint))
                if isinstance(each, type) and issubclass(each, Record)
            ]
    cells = re.findall(r"^\| (`.*?) \|", RECIPES, flags=re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    tables = {
        "model",
        "data",
        "inputs",
        "prune",
        "quantise",
        "agreement",
        "judge",
        "trials",
        "golden",
        "card",
    }
    keys = seen - tables - {"op", "args"}
    assert keys - listed == set()
    assert listed - keys - set(OPS) == set()


def test_every_argument_of_a_step_is_listed() -> None:
    for name, op in OPS.items():
        (row,) = re.findall(rf"^\| `{name}` \| `{{ op = .*$", RECIPES, flags=re.MULTILINE)
        assert [field.name for field in fields(op) if not re.search(rf"\b{field.name}\b", row)] == []
    assert [each for each in get_args(Filter) if f'`"{each}"`' not in RECIPES] == []


def test_the_training_function_does_what_the_steps_of_the_example_do(tmp_path: Path) -> None:
    (code,), (recipe, *_) = blocks("python", RECIPES), blocks("toml", RECIPES)
    given = Recipe.from_dict(tomllib.loads(recipe)).inputs["image"]
    file, _, name = given.training_function.partition(":")
    (tmp_path / file).write_text(code)
    spec = InputSpec("image", given.dtype, given.shape, given.layout)
    write_front([spec], {"image": given.steps}, tmp_path / "front.onnx", opset=OPSET)
    draw = np.random.default_rng(0)
    samples = [draw.integers(0, 256, given.shape, np.uint8) for _ in range(3)]
    front, reference = tmp_path / "front.onnx", f"{file}:{name}"
    compared = compare_with_training(reference, tmp_path, front, spec, samples)
    assert compared.difference <= compared.tolerance < 0.0021
    for told in (SHARE_OF_RANGE, f"up to {REAL_SAMPLES} samples"):
        assert str(told) in RECIPES
    (tmp_path / file).write_text(code.replace("/ 0.5", "/ 0.6"))
    with pytest.raises(BadInput, match="differ from the training function"):
        compare_with_training(reference, tmp_path, front, spec, samples)


def test_names_that_are_looked_for_in_a_set_are_listed() -> None:
    for name in (*INPUT_NAMES, *LABEL_NAMES, *GROUP_NAMES, "path", "label"):
        assert f"`{name}`" in RECIPES


def test_design_places_every_module() -> None:
    table = DESIGN.partition("## Where things live")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    placed = {name.rstrip("/") for cell in first_cells for name in re.findall(r"`(.+?)`", cell)}
    present = {
        path.name
        for path in (ROOT / "edgemed").iterdir()
        if (path.is_dir() and (path / "__init__.py").exists())
        or (path.suffix == ".py" and path.stem not in ("__init__", "__main__"))
    }
    assert placed == present


def test_design_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", DESIGN)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
