"""compare_with_training on real X-rays: agreement, and the mistakes that people make."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.preprocess import Comparison, compare_with_training, write_front
from edgemed.types import InputRecipe, InputSpec, ModelSpec, Recipe, Step

GRAY = InputSpec("image", "uint8", (28, 28), "HW")
STEPS = [
    Step("resize", {"size": [64, 64], "filter": "bicubic"}),
    Step("scale", {"by": "1/255"}),
    Step("normalise", {"mean": 0.5, "std": 0.25}),
    Step("layout", {"to": "CHW"}),
]
TRAINING = """
import numpy as np, torch
from PIL import Image

def resized(raw, method=Image.Resampling.BICUBIC):
    return np.asarray(Image.fromarray(raw).resize((64, 64), method), np.float32)

def as_numpy(raw):
    return (resized(raw)[None] / 255 - 0.5) / 0.25

def as_torch_batch(raw):
    return torch.from_numpy(as_numpy(raw))[None]

def as_picture(raw):
    return Image.fromarray(raw).resize((64, 64), Image.Resampling.BICUBIC)

def other_filter(raw):
    return (resized(raw, Image.Resampling.NEAREST)[None] / 255 - 0.5) / 0.25

def forgot_std(raw):
    return resized(raw)[None] / 255 - 0.5

def channels_last(raw):
    return as_numpy(raw)[0, :, :, None]

def one_bad_pixel(raw):
    result = as_numpy(raw).copy()
    if raw[0, 0] == 77:
        result[0, 3, 5] += 1
    return result

def nan(raw):
    return as_numpy(raw) * float("nan")

def changes_its_argument(raw):
    result = as_numpy(raw)
    raw[:] = 0
    return result

def z_scored(raw):
    values = resized(raw)[None]
    return (values - values.mean()) / (values.std() + 1e-6)

def leaves(raw):
    raise SystemExit

def fails(raw):
    raise KeyError("lungs")

not_a_function = 3
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "json.py").write_text(TRAINING)
    return tmp_path


def compare(base: Path, function: str, samples, steps=STEPS) -> Comparison:
    front = base / "front.onnx"
    write_front([InputSpec("age", "int64", (1,)), GRAY], {"image": steps}, front, opset=18)
    return compare_with_training(f"json.py:{function}", base, front, GRAY, samples)


@pytest.mark.parametrize("function", ["as_numpy", "as_torch_batch", "changes_its_argument"])
def test_the_right_steps_agree(base, x_rays, function):
    result = compare(base, function, iter(x_rays))
    assert result.samples == len(x_rays)
    assert result.difference <= result.tolerance < 2.1 / 255 / 0.25
    assert result.function == f"json.py:{function}"


def test_a_pillow_image_is_taken(base, x_rays):
    assert compare(base, "as_picture", x_rays, STEPS[:1]).difference <= 1.25


def test_z_score_behind_a_resize_agrees(base, x_rays):
    steps = [STEPS[0], Step("z_score"), STEPS[-1]]
    result = compare(base, "z_scored", x_rays, steps)
    assert result.difference < 0.05


@pytest.mark.parametrize("function", ["other_filter", "forgot_std", "nan"])
def test_wrong_steps_are_refused(base, x_rays, function):
    with pytest.raises(BadInput, match="differ from the training function by") as caught:
        compare(base, function, x_rays)
    assert caught.value.where == f"json.py:{function}"


def test_the_worst_sample_is_shown(base, x_rays):
    samples = x_rays.copy()
    samples[:, 0, 0] = 1
    samples[11, 0, 0] = 77
    with pytest.raises(BadInput, match=r"sample 11 of 32: .* by 1\.0.* at \[0, 3, 5\]: training .*, steps"):
        compare(base, "one_bad_pixel", samples)


@pytest.mark.parametrize(
    ("ref", "problem"),
    [
        ("json.py:channels_last", r"shape \[64, 64, 1\].*\[1, 64, 64\]"),
        ("json.py:fails", "KeyError: 'lungs'"),
        ("json.py:as_nunpy", "no function 'as_nunpy'"),
        ("json.py:not_a_function", "no function 'not_a_function'"),
        ("jsn.py:as_numpy", "no file jsn.py"),
        ("json.py", "not of the form"),
        ("broken.py:f", "SyntaxError"),
        ("script.py:f", r"script\.py cannot be loaded: RuntimeError: it ends the program \(SystemExit 3\)"),
        ("json.py:leaves", r"training function failed: RuntimeError: it ends the program"),
    ],
)
def test_a_function_that_cannot_be_used_is_bad_input(base, x_rays, ref, problem):
    (base / "broken.py").write_text("def f(:\n")
    (base / "script.py").write_text("import sys\nsys.exit(3)\n")
    front = base / "front.onnx"
    write_front([GRAY], {"image": STEPS}, front, opset=18)
    with pytest.raises(BadInput, match=problem):
        compare_with_training(ref, base, front, GRAY, x_rays)


def test_no_samples_and_samples_of_another_shape_are_bad_input(base, x_rays):
    with pytest.raises(BadInput, match="no samples"):
        compare(base, "as_numpy", [])
    with pytest.raises(BadInput, match=r"uint8 \[27, 28\]"):
        compare(base, "as_numpy", x_rays[:, 1:])


def test_the_users_file_hides_no_other_module(base, x_rays):
    import json

    before = list(sys.path)
    compare(base, "as_numpy", x_rays[:1])
    assert sys.path == before
    assert sys.modules["json"] is json
    assert np.all([path != str(base) for path in sys.path])


def test_a_comparison_without_samples_is_refused_before_the_export(base):
    from edgemed.stages.data import check_paths

    (base / "weights.pt").write_bytes(b"not read here")
    image = {"image": InputRecipe(training_function="json.py:as_numpy")}
    recipe = Recipe(model=ModelSpec("json.py:build", "weights.pt"), inputs=image)
    with pytest.raises(BadInput, match="no samples to compare") as caught:
        check_paths(recipe, base)
    assert "--calibrate" in caught.value.remedy
