"""Stage `inputs`: model, recipe and the first sample of each set fitted to each other, quickly."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgemed.compress.attention_heads import split_all
from edgemed.compress.layer_widths import layer_widths
from edgemed.compress.prune_ratio import PruneRatios
from edgemed.errors import BadInput
from edgemed.preprocess import compare_with_training, tensor_spec, write_front
from edgemed.readers import describe, open_set
from edgemed.readers.folder import list_files
from edgemed.readers.reference import Reference
from edgemed.readers.table import read_rows
from edgemed.sources import TrainedModel, load_trained_model
from edgemed.sources.digest import source_digest
from edgemed.sources.normalise import OPSET
from edgemed.stages.job import Job
from edgemed.stages.step_files import with_files_from
from edgemed.types import (
    Acquisition,
    InputRecipe,
    InputSpec,
    ParityFacts,
    PruneSpec,
    Recipe,
    Step,
    did_you_mean,
)
from edgemed.types.acquisition import LAYOUT

FEWEST_CALIBRATION = 2
REAL_SAMPLES = 16
FRONT_FILE = "front.onnx"

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Inputs:
    """What artefacts take (`raw`), what the model itself takes (`tensors`), and the steps between.

    `front` is an ONNX file of the steps alone. `key` is the digest of all that these depend on.
    """

    raw: tuple[InputSpec, ...]
    tensors: tuple[InputSpec, ...]
    front: Path
    key: str


def fit_inputs(job: Job) -> Inputs:
    """Bring model, recipe and data together, which is quick: it comes before what is slow.

    Raises `BadInput` where names, shapes or steps do not fit, and where the first sample of a set cannot be
    read.
    """
    recipe = job.recipe
    depends_on = {
        "model": source_digest(recipe.model, job.base),
        "inputs": recipe.to_dict()["inputs"],
        "calibrate": _stamp(recipe.data.calibrate, job.base),
        "versions": job.versions("torch", "onnx", "onnxruntime"),
    }
    stage = job.run("inputs", "reading the model", depends_on, _fit_inputs, recipe, str(job.base))
    _check_outputs(recipe, stage.facts["outputs"])
    raw, tensors = (
        tuple(InputSpec.from_dict(each) for each in stage.facts[name]) for name in ("raw", "tensors")
    )
    return Inputs(raw, tensors, stage.folder / FRONT_FILE, stage.key)


def check_fit(recipe: Recipe, base: Path) -> None:
    """The same for `--dry-run`, which keeps nothing, and the training functions too."""
    with tempfile.TemporaryDirectory(prefix="edgemed-") as scratch:
        facts = _fit_inputs(recipe, str(base), Path(scratch))
        _check_outputs(recipe, facts["outputs"])
        raw = tuple(InputSpec.from_dict(each) for each in facts["raw"])
        front = Path(scratch) / FRONT_FILE
        compare_training(recipe, raw, front, base, real_samples(recipe, raw, base))


def refuse_few(count: int) -> None:
    """Raises `BadInput` for a calibration set of fewer than 2 samples: one has no range."""
    if count < FEWEST_CALIBRATION:
        raise BadInput(
            f"the calibration set has {count} samples; at least {FEWEST_CALIBRATION} are needed",
            where="--calibrate",
            remedy="give some hundred unlabelled samples like those in use (300 is the default)",
        )


def real_samples(recipe: Recipe, raw: tuple[InputSpec, ...], base: Path) -> list[Arrays]:
    """Up to 16 raw samples of the calibration set."""
    if recipe.data.calibrate is None:
        return []
    samples = open_set(recipe.data.calibrate, raw, (), base=base, skip_bad=recipe.data.skip_bad)
    return [sample.inputs for sample in itertools.islice(samples, REAL_SAMPLES)]


def _fit_inputs(recipe: Recipe, base_path: str, folder: Path) -> dict[str, Any]:
    base = Path(base_path)
    trained = load_trained_model(recipe.model, base)
    raw = _raw_inputs(trained, recipe, base)
    given = with_files_from(recipe, base).inputs
    steps: dict[str, Sequence[Step]] = {name: spec.steps for name, spec in given.items()}
    tensors = tuple(replace(tensor_spec(spec, steps.get(spec.name, ())), name=spec.name) for spec in raw)
    _check_shapes(trained, tensors)
    data = recipe.data
    for ref in (data.calibrate, data.select, data.accept):
        if ref is not None:
            samples = open_set(ref, raw, (), base=base, skip_bad=data.skip_bad)
            if ref == data.calibrate:
                refuse_few(len(samples))
            next(iter(samples), None)
    write_front(raw, steps, folder / FRONT_FILE, opset=OPSET)
    outputs = trained.output_names(tensors)
    if recipe.prune.wanted:  # where this stage is cached, stage `prune` refuses
        _check_layers(trained, recipe.prune)
    return {
        "raw": [spec.to_dict() for spec in raw],
        "tensors": [spec.to_dict() for spec in tensors],
        "outputs": outputs,
    }


def _check_layers(trained: TrainedModel, spec: PruneSpec) -> None:
    """Raises `BadInput` without a torch module, and for an entry of `prune.layers` that names no part of it.

    What the trace of stage `prune` finds out only, such as a ratio that empties a layer, is not told here.
    The module is not whole afterwards.
    """
    module = trained.module()
    split_all(module)
    layers = list(layer_widths(module))
    owners = [name for name, part in module.named_modules() if name and layer_widths(part)]
    PruneRatios(spec, [*layers, *owners])


def _raw_inputs(trained: TrainedModel, recipe: Recipe, base: Path) -> tuple[InputSpec, ...]:
    """The artefact's inputs: from the recipe, else the model's own, else the calibration set's arrays."""
    names = trained.input_names()
    for name in recipe.inputs:
        if name not in names:
            raise BadInput(
                f"the model has no input {name!r}", where=f"inputs.{name}", remedy=did_you_mean(name, names)
            )
    known = {spec.name: spec for spec in trained.input_specs() or ()}
    raw = [name for name in names if name in recipe.inputs and recipe.inputs[name].layout == LAYOUT]
    if len(raw) > 1:
        raise BadInput(
            f"{len(raw)} inputs are raw MR signals, and one is supported",
            where=f"inputs.{raw[1]}",
            remedy="put them into one signal, as further coils or shots",
        )
    specs = []
    for name in names:
        given = recipe.inputs.get(name, InputRecipe())
        if given.layout == LAYOUT:
            specs.append(_raw_signal(name, given, recipe, base, alone=len(names) == 1))
        elif given.shape:
            specs.append(InputSpec(name, given.dtype, given.shape, given.layout))
        elif name in known:
            specs.append(InputSpec(name, given.dtype, known[name].shape, given.layout))
        else:
            specs.append(_described(name, given, recipe, base, alone=len(names) == 1))
    return tuple(specs)


def _raw_signal(name: str, given: InputRecipe, recipe: Recipe, base: Path, *, alone: bool) -> InputSpec:
    """How it must be taken is how the calibration set was."""
    if recipe.data.calibrate is not None:
        description = describe(recipe.data.calibrate, base=base)
        for array in description.arrays:
            if array.acquisition and (array.name == name or (alone and array.name in description.inputs)):
                if given.dtype != "float32" or given.shape not in ((), array.shape):
                    raise BadInput(
                        f"raw MR signals here are float32 {list(array.shape)}",
                        where=f"inputs.{name}",
                        remedy="leave out dtype and shape: they are the calibration set's",
                    )
                if given.acquisition is not None:
                    _check_trained_on(given.acquisition, array.acquisition, recipe.data.calibrate, name)
                return InputSpec(name, given.dtype, array.shape, LAYOUT, array.acquisition)
    raise BadInput(
        f"how the raw MR signals of input {name!r} were taken is not known",
        where=f"inputs.{name}",
        remedy="give a calibration set of the scanner's files (.h5, .mrd, .mat), or an .npz of complex "
        "signals with dwell_time_s, larmor_frequency_hz, echo_times_s and protocol",
    )


def _check_trained_on(trained_on: Acquisition, found: Acquisition, calibrate: str, name: str) -> None:
    try:
        trained_on.check(found)
    except BadInput as error:
        raise BadInput(
            f"the set was not taken as the signals that the model was trained on: {error.problem}",
            where=calibrate,
            remedy=f"give signals of that protocol; inputs.{name}.acquisition in the recipe tells it",
        ) from None


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


def _check_outputs(recipe: Recipe, names: Sequence[str]) -> None:
    for name in recipe.outputs:
        if name not in names:
            raise BadInput(
                f"the model has no output {name!r}", where=f"outputs.{name}", remedy=did_you_mean(name, names)
            )


def compare_training(
    recipe: Recipe, raw: tuple[InputSpec, ...], front: Path, base: Path, samples: list[Arrays]
) -> list[ParityFacts]:
    """How near the steps come to the training functions. Raises `BadInput` where they differ."""
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


def _stamp(ref: str | None, base: Path) -> list[object]:
    """Sizes and times of change of a set's files (of a CSV, of the first row meant), to know its shapes."""
    if ref is None:
        return []
    reference = Reference.parse(ref)
    path = reference.resolve(base)
    if path.is_dir():
        return [ref, [[name, _changed(path / name)] for name in list_files(path)[0]]]
    rows = read_rows(path, ref) if path.suffix.lower() == ".csv" else iter(())
    first = next(itertools.islice(rows, reference.start, None), {})
    return [ref, _changed(path), [_changed(path.parent / cell) for cell in first.values()]]


def _changed(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
