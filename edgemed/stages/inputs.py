"""The artefact's inputs: model, recipe and the first sample of each set fitted to each other, quickly."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.preprocess import compare_with_training, tensor_spec, write_front
from edgemed.readers import describe, open_set
from edgemed.sources import TrainedModel, load_trained_model
from edgemed.sources.normalise import OPSET
from edgemed.types import InputRecipe, InputSpec, ParityFacts, Recipe, Step, did_you_mean

FEWEST_CALIBRATION = 2
REAL_SAMPLES = 16

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Fitted:
    """A trained model; what artefacts take (`raw`), the steps, what the model itself takes (`tensors`)."""

    trained: TrainedModel
    raw: tuple[InputSpec, ...]
    steps: dict[str, Sequence[Step]]
    tensors: tuple[InputSpec, ...]


def fit_inputs(recipe: Recipe, base: Path) -> Fitted:
    """Read the model, bring the recipe's inputs and its own together, and read one sample of each set.

    Nothing here takes long, so that it comes before what does. Raises `BadInput` where names, shapes or
    steps do not fit, and where the first sample of a set cannot be read.
    """
    trained = load_trained_model(recipe.model, base)
    raw = raw_inputs(trained, recipe, base)
    steps: dict[str, Sequence[Step]] = {name: spec.steps for name, spec in recipe.inputs.items()}
    tensors = tuple(replace(tensor_spec(spec, steps.get(spec.name, ())), name=spec.name) for spec in raw)
    _check_shapes(trained, tensors)
    data = recipe.data
    for ref in (data.calibrate, data.select, data.accept):
        if ref is not None:
            samples = open_set(ref, raw, (), base=base, skip_bad=data.skip_bad)
            if ref == data.calibrate:
                refuse_few(len(samples))
            next(iter(samples), None)
    return Fitted(trained, raw, steps, tensors)


def refuse_few(count: int) -> None:
    """Raises `BadInput` for a calibration set of fewer than 2 samples: one has no range."""
    if count < FEWEST_CALIBRATION:
        raise BadInput(
            f"the calibration set has {count} samples; at least {FEWEST_CALIBRATION} are needed",
            where="--calibrate",
            remedy="give some hundred unlabelled samples like those in use (300 is the default)",
        )


def check_fit(recipe: Recipe, base: Path) -> None:
    """All of the above for a child process, which keeps the trained model."""
    with tempfile.TemporaryDirectory(prefix="edgemed-") as scratch:
        write_checked_front(fit_inputs(recipe, base), recipe, base, Path(scratch) / "front.onnx")


def write_checked_front(
    fitted: Fitted, recipe: Recipe, base: Path, front: Path
) -> tuple[list[Arrays], list[ParityFacts]]:
    """Write the preprocessing alone to `front` and compare it with the training functions.

    Gives the real samples that it was compared on, at most 16, and how near it came. Raises `BadInput`.
    """
    write_front(fitted.raw, fitted.steps, front, opset=OPSET)
    samples = _real_samples(recipe, fitted.raw, base)
    return samples, _compare_training(recipe, fitted.raw, front, base, samples)


def raw_inputs(trained: TrainedModel, recipe: Recipe, base: Path) -> tuple[InputSpec, ...]:
    """The artefact's inputs: from the recipe, else the model's own, else the calibration set's arrays."""
    names = trained.input_names()
    for name in recipe.inputs:
        if name not in names:
            raise BadInput(
                f"the model has no input {name!r}", where=f"inputs.{name}", remedy=did_you_mean(name, names)
            )
    known = {spec.name: spec for spec in trained.input_specs() or ()}
    specs = []
    for name in names:
        given = recipe.inputs.get(name, InputRecipe())
        if given.shape:
            specs.append(InputSpec(name, given.dtype, given.shape, given.layout))
        elif name in known:
            specs.append(InputSpec(name, given.dtype, known[name].shape, given.layout))
        else:
            specs.append(_described(name, given, recipe, base, alone=len(names) == 1))
    return tuple(specs)


def _described(name: str, given: InputRecipe, recipe: Recipe, base: Path, *, alone: bool) -> InputSpec:
    if recipe.data.calibrate is not None:
        description = describe(recipe.data.calibrate, base=base)
        for array in description.arrays:
            if array.name == name or (alone and array.name in description.inputs):
                return InputSpec(name, given.dtype, array.shape, given.layout)
    raise BadInput(
        f"the shape of input {name!r} is not known",
        where=f"inputs.{name}.shape",
        remedy=f'write it in the recipe: [inputs.{name}] dtype = "float32", shape = [...]',
    )


def _check_shapes(trained: TrainedModel, tensors: tuple[InputSpec, ...]) -> None:
    for own, tensor in zip(trained.input_specs() or (), tensors, strict=False):
        if own.shape != tensor.shape:
            raise BadInput(
                f"after preprocessing, input {own.name!r} has shape {list(tensor.shape)}; "
                f"the model takes {list(own.shape)}",
                where=f"inputs.{own.name}",
                remedy="correct shape or steps (layout, resize, crop) in the recipe",
            )


def _real_samples(recipe: Recipe, raw: tuple[InputSpec, ...], base: Path) -> list[Arrays]:
    if recipe.data.calibrate is None:
        return []
    samples = open_set(recipe.data.calibrate, raw, (), base=base, skip_bad=recipe.data.skip_bad)
    return [sample.inputs for sample in itertools.islice(samples, REAL_SAMPLES)]


def _compare_training(
    recipe: Recipe, raw: tuple[InputSpec, ...], front: Path, base: Path, samples: list[Arrays]
) -> list[ParityFacts]:
    facts = []
    for spec in raw:
        function = recipe.inputs.get(spec.name, InputRecipe()).training_function
        if not function:
            continue
        compared = compare_with_training(function, base, front, spec, [each[spec.name] for each in samples])
        facts.append(
            ParityFacts(
                f"preprocessing of {spec.name!r} against {function}",
                compared.samples,
                compared.difference,
                compared.tolerance,
            )
        )
    return facts
