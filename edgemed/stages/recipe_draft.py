"""A commented recipe from what is known of a model and its data."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from edgemed.readers import describe
from edgemed.readers.description import ArrayDescription
from edgemed.recipe_file import from_folder
from edgemed.types import (
    Acquisition,
    Agreement,
    CardSpec,
    DataSpec,
    GoldenSpec,
    Margins,
    ModelSpec,
    QuantiseSpec,
)
from edgemed.types.acquisition import LAYOUT

_PICTURES = ("HW", "HWC", "DHW", "DHWC")
_CHANNELS = (1, 3)
_COLOURS = {(1, 3): "gray_to_rgb", (3, 1): "rgb_to_gray"}


def draft_recipe(model: ModelSpec, data: DataSpec, facts: dict[str, Any], folder: Path) -> str:
    """TOML text of a recipe that lies in `folder`. `facts` are those of `inspect_model`.

    Raises `BadInput` where a set cannot be read.
    """
    name = Path(model.source.partition(":")[0]).stem.replace("_", "-")
    lines = [
        "# Recipe for `edgemed compile`. Every key is explained in calibration/README.md.",
        f"name = {_quoted(name)}",
        'version = "0.1.0"',
        "seed = 0",
        'target = "host"        # a file under targets/',
        "threads = 1            # small nets are no faster with more",
        "",
        "[model]",
        f"source = {_quoted(from_folder(model.source, folder))}",
    ]
    if model.weights:
        lines.append(f"weights = {_quoted(from_folder(model.weights, folder))}")
    lines += ["", *_data(data, folder)]
    for each in facts["inputs"]:
        lines += ["", *_input(each, data, alone=len(facts["inputs"]) == 1)]
    lines += ["", *_outputs(facts, data), "", *_limits()]
    return "\n".join(lines) + "\n"


def _data(data: DataSpec, folder: Path) -> list[str]:
    lines = ["# Three sets without a common case or patient. A set is PATH or PATH::key=value,...", "[data]"]
    purposes = {
        "calibrate": "int8 scales are found on it; no labels needed, some hundred samples",
        "select": "with labels; the candidates are compared on it",
        "accept": "with labels; the verdict comes from it; it can only veto a choice",
    }
    for role, purpose in purposes.items():
        ref = getattr(data, role)
        if ref:
            lines.append(f"{role} = {_quoted(from_folder(ref, folder))}    # {purpose}")
        else:
            lines.append(f'# {role} = "..."    # {purpose}')
    return lines


def _input(each: dict[str, Any], data: DataSpec, *, alone: bool) -> list[str]:
    name, shape = each["name"], each["shape"]
    found = _array(name, data, alone=alone)
    if found and found.acquisition:
        return _raw_signal(name, shape, found, found.acquisition)
    lines = ["# The raw array of one sample; `steps` bring it to the model's tensor, inside the artefact."]
    if shape:
        lines.append(f"# The model takes float32 {shape}.")
    lines.append(f"[inputs.{_key(name)}]")
    raw = list(found.shape) if found else shape
    dtype = found.input_dtype if found and found.input_dtype else "float32"
    lines.append(f"dtype = {_quoted(dtype)}")
    lines.append(f"shape = {raw}" if raw else "# shape = [...]")
    layout = found.layout if found else ""
    if layout:
        lines.append(f"layout = {_quoted(layout)}")
    if raw and raw != shape and layout in _PICTURES:
        lines += _guessed(_steps(raw, layout, dtype, shape))
    return lines


def _raw_signal(
    name: str, tensor: list[int] | None, found: ArrayDescription, acquisition: Acquisition
) -> list[str]:
    """Without `shape`, which like the acquisition is the calibration set's."""
    shots, echoes, samples, coils, _ = found.shape
    by_shot = tensor == [2 * coils * shots, echoes * samples]
    return [
        "# The scanner's raw MR signal; `steps` bring it to the model's tensor, inside the artefact.",
        "# Those of the calibration set were taken with",
        f"#   {acquisition.describe(found.shape)};",
        "# signals taken otherwise will be refused.",
        *([f"# The model takes float32 {tensor}."] if tensor else []),
        f"[inputs.{_key(name)}]",
        f"layout = {_quoted(LAYOUT)}",
        *_guessed(
            [
                'op = "phase_reference"',
                'op = "amplitude"',
                'op = "iq_channels", shots = "channels"' if by_shot else 'op = "iq_channels"',
            ]
        ),
    ]


def _guessed(steps: list[str]) -> list[str]:
    return [
        "# A guess: check the steps against the code that the model was trained with.",
        "steps = [",
        *(f"    {{ {step} }}," for step in steps),
        "]",
        '# training_function = "train.py:preprocess"    # compares the steps with your own code',
    ]


def _steps(raw: list[int], layout: str, dtype: str, tensor: list[int] | None) -> list[str]:
    """Steps from a picture to the model's tensor, channels first where the tensor is not known."""
    axes = layout.replace("C", "")
    last = tensor is not None and tensor[-1] in _CHANNELS and tensor[0] not in _CHANNELS
    to = f"{axes}C" if last else f"C{axes}"
    own = raw[layout.index("C")] if "C" in layout else 1
    steps = []
    if tensor is not None and len(tensor) == len(to):
        wanted = dict(zip(to, tensor, strict=True))
        if (own, wanted["C"]) in _COLOURS:
            steps.append(f'op = "{_COLOURS[own, wanted["C"]]}"')
        size = [wanted[axis] for axis in axes]
        if size != [raw[layout.index(axis)] for axis in axes]:
            steps.append(f'op = "resize", size = {size}, filter = "bilinear"')
    steps.append(f'op = "layout", to = "{to}"')
    if dtype == "uint8":
        steps.append('op = "scale", by = "1/255"')
    return steps


def _outputs(facts: dict[str, Any], data: DataSpec) -> list[str]:
    classes: tuple[str, ...] = ()
    values = False
    for ref in (data.select, data.accept):
        if ref:
            described = describe(ref, base=Path())
            classes, values = classes or described.classes, values or described.values
    names = facts.get("outputs") or ["output"]
    lines = ["# What each output means; left out, it is found from the graph's ending and width."]
    for name in names:
        head = f"[outputs.{_key(name)}]"
        body = ['kind = "binary"        # binary, multiclass, multilabel, regression']
        if values and not classes:
            lines += [head, 'kind = "regression"    # a guess: the labels are no whole numbers']
            continue
        numbered = bool(classes) and all(name.isdigit() for name in classes)
        if classes and not numbered:
            body = [
                f"labels = {json.dumps(classes)}    # A guess: give the order of the columns, negative first"
            ]
        if len(classes) <= 2:
            body.append("threshold = 0.5       # the operating point")
        needed = classes and not numbered and len(names) == 1
        lines += [line if needed else f"# {line}" for line in (head, *body)]
    return lines


def _limits() -> list[str]:
    limits, margins, quantise, golden = Agreement(), Margins(), QuantiseSpec(), GoldenSpec()
    return [
        "# How near a candidate must stay to the original to be tried (these are the defaults).",
        "[agreement]",
        f"decisions = {limits.decisions}",
        f"auc = {limits.auc}",
        f"loss = {limits.loss}       # of sensitivity or specificity of any class",
        f"snr_db = {limits.snr_db}    # without labels, and of values",
        "",
        "# The most that an artefact may be worse: what is not proven to stay within is not kept.",
        "# `edgemed power` tells how many acceptance cases that takes.",
        "[judge.margins]",
        *(f"{name} = {getattr(margins, name)}" for name in ("auc", "sensitivity", "specificity", "brier")),
        "",
        "[quantise]",
        f"samples = {quantise.samples}",
        "",
        "# Golden cases travel with the artefact. Real ones only when you may let them leave.",
        "[golden]",
        f"may_ship = {str(golden.may_ship).lower()}",
        "",
        "# What only you can say of the model; it ships in the bundle's model card.",
        "# [card]",
        *(f'# {each.name} = ""' for each in fields(CardSpec) if each.default == ""),
    ]


def _array(name: str, data: DataSpec, *, alone: bool) -> ArrayDescription | None:
    """Of the input's name, else of the only input the only raw MR signal, else the set's only input."""
    if data.calibrate is None:
        return None
    description = describe(data.calibrate, base=Path())
    for array in description.arrays:
        if array.name == name:
            return array
    inputs = [each for each in description.arrays if each.name in description.inputs]
    raw = [each for each in inputs if each.acquisition]
    if alone and len(raw) == 1:
        return raw[0]
    return inputs[0] if len(description.inputs) == 1 else None


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text)
