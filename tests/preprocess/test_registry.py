"""What a recipe may say, and what the model is given."""

from __future__ import annotations

import dataclasses

import pytest
import tomllib

from edgemed.errors import BadInput
from edgemed.preprocess import OPS, tensor_spec
from edgemed.types import InputRecipe, InputSpec, Step


def test_ops_are_those_of_the_recipe_schema():
    assert set(OPS) == {
        "crop", "pad", "resize", "gray_to_rgb", "rgb_to_gray", "scale", "normalise", "z_score", "window",
        "clip", "layout", "combine_coils", "remove_dc", "phase_reference", "amplitude", "decimate", "taper",
        "average_echoes", "dft", "iq_channels", "whiten",
    }  # fmt: skip


@pytest.mark.parametrize("name", OPS)
def test_the_docstrings_example_is_a_valid_step(name):
    doc = OPS[name].__doc__ or ""
    examples = [text for text in doc.split("`") if text.startswith("{op = ")]
    assert examples
    for example in examples:
        table = tomllib.loads(f"step = {example}")["step"]
        assert table.pop("op") == name
        op = OPS[name].from_dict(table)
        assert {field.name for field in dataclasses.fields(op)} >= set(table)


def test_a_toml_recipe_gives_the_models_tensor():
    text = """
    dtype = "uint8"
    shape = [300, 280]
    layout = "HW"
    steps = [
        {op = "resize", size = [256, 256], filter = "bilinear"},
        {op = "crop", size = [224, 224]},
        {op = "gray_to_rgb"},
        {op = "layout", to = "CHW"},
    ]
    """
    recipe = InputRecipe.from_dict(tomllib.loads(text))
    spec = InputSpec("image", recipe.dtype, recipe.shape, recipe.layout)
    assert tensor_spec(spec, recipe.steps) == InputSpec("image", "float32", (3, 224, 224), "CHW")


@pytest.mark.parametrize(
    ("dtype", "after"),
    [("uint8", "float32"), ("float16", "float32"), ("float32", "float32"), ("int64", "int64")],
)
def test_without_steps_only_indices_stay_integers(dtype, after):
    assert tensor_spec(InputSpec("x", dtype, (4,)), []) == InputSpec("x", after, (4,))


def test_an_unknown_step_and_argument_suggest_the_near_one():
    spec = InputSpec("x", "uint8", (28, 28), "HW")
    with pytest.raises(BadInput, match="unknown step 'resise'") as caught:
        tensor_spec(spec, [Step("resise")])
    assert caught.value.remedy == "did you mean 'resize'?"
    with pytest.raises(BadInput, match="unknown key 'filtre'") as caught:
        tensor_spec(spec, [Step("resize", {"size": [1, 1], "filtre": "box"})])
    assert caught.value.remedy == "did you mean 'filter'?"


def test_tensor_spec_needs_no_onnx():
    import subprocess
    import sys

    code = (
        "import sys; from edgemed.preprocess import tensor_spec; from edgemed.types import InputSpec, Step;"
        "tensor_spec(InputSpec('x', 'uint8', (9, 9), 'HW'), [Step('resize', {'size': [4, 4]})]);"
        "sys.exit('onnx' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
