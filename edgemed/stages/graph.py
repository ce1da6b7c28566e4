"""Stage `graph`: from the trained model to one checked ONNX graph with its preprocessing inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgemed.preprocess import attach as attach_front
from edgemed.preprocess import tensor_name
from edgemed.sources import check_labels, check_parity, finish, load_trained_model
from edgemed.sources.digest import source_digest
from edgemed.sources.imports import code_files, package_versions
from edgemed.sources.parity import random_batch
from edgemed.stages.inputs import REAL_SAMPLES, Arrays, Inputs, compare_training, real_samples
from edgemed.stages.job import Job, SetSource
from edgemed.types import (
    Graph,
    InputSpec,
    ModelFacts,
    OutputRecipe,
    OutputSpec,
    ParityFacts,
    Recipe,
    Step,
    digest_of_file,
)

GRAPH_FILE = "graph.onnx"
_PARITY_BATCHES = (1, 2, 5)


def make_graph(
    job: Job, inputs: Inputs, calibrate: SetSource | None
) -> tuple[Graph, ModelFacts, tuple[ParityFacts, ...]]:
    """Compare steps with training functions, export, check, put steps in front and probabilities behind."""
    recipe = job.recipe
    depends_on = {
        "inputs": inputs.key,
        "calibrate": calibrate.sha256 if calibrate is not None else "",
        "functions": [
            [[digest_of_file(file) for file in code_files(code)], package_versions(code)]
            for code in _training_code(recipe, job.base)
        ],
        "outputs": {name: each.to_dict() for name, each in _structure(recipe).items()},
        "seed": recipe.seed,
        "versions": job.versions("torch", "onnx", "onnxscript", "onnxruntime"),
    }
    stage = job.run("graph", "exporting the model", depends_on, _make_graph, recipe, str(job.base), inputs)
    facts = stage.facts
    graph = Graph.from_dict({**facts["graph"], "path": str(stage.folder / GRAPH_FILE)})
    outputs = _with_meanings(graph.outputs, recipe)
    graph = replace(graph, outputs=outputs)
    digest = source_digest(recipe.model, job.base)
    model = replace(ModelFacts.from_dict(facts["model"]), sha256=digest, outputs=outputs)
    return graph, model, tuple(ParityFacts.from_dict(entry) for entry in facts["parity"])


def _make_graph(recipe: Recipe, base_path: str, inputs: Inputs, folder: Path) -> dict[str, Any]:
    base, raw, tensors = Path(base_path), inputs.raw, inputs.tensors
    samples = real_samples(recipe, raw, base)
    parity = compare_training(recipe, raw, inputs.front, base, samples)
    trained = load_trained_model(recipe.model, base)
    core = folder / "core.onnx"
    trained.export(tensors, core)
    opset = _opset(core)
    batches = [random_batch(tensors, rows, recipe.seed + rows) for rows in _PARITY_BATCHES]
    real = (
        _run_front(inputs.front, raw, samples)
        if samples
        else random_batch(tensors, REAL_SAMPLES, recipe.seed)
    )
    checked = check_parity(trained, core, [*batches, real])
    sizes = ", ".join(map(str, checked.batch_sizes))
    parity.append(
        ParityFacts(
            f"exported graph against the {trained.kind} original, batches of {sizes}",
            sum(checked.batch_sizes),
            checked.difference,
            checked.tolerance,
            note="last batch is real data" if samples else "random data only",
        )
    )
    finished = folder / "finished.onnx"
    outputs = finish(core, finished, _structure(recipe), real)
    steps: dict[str, Sequence[Step]] = {name: spec.steps for name, spec in recipe.inputs.items()}
    attach_front(finished, raw, steps, folder / GRAPH_FILE)
    for scrap in (core, finished):
        scrap.unlink()
    graph = Graph(GRAPH_FILE, digest_of_file(folder / GRAPH_FILE), raw, outputs, opset, trained.parameters)
    model = ModelFacts(
        recipe.model.source, trained.kind, "", trained.parameters, opset, raw, outputs, tuple(trained.notes)
    )
    return {
        "graph": graph.to_dict(),
        "model": model.to_dict(),
        "parity": [entry.to_dict() for entry in parity],
    }


def _training_code(recipe: Recipe, base: Path) -> list[Path]:
    functions = [spec.training_function for spec in recipe.inputs.values() if spec.training_function]
    return [base / function.partition(":")[0] for function in functions]


def _structure(recipe: Recipe) -> dict[str, OutputRecipe]:
    """What of the recipe's outputs changes the graph. Another threshold or label exports nothing again."""
    return {
        name: OutputRecipe(kind=each.kind, ending=each.ending)
        for name, each in recipe.outputs.items()
        if each.kind or each.ending
    }


def _with_meanings(outputs: tuple[OutputSpec, ...], recipe: Recipe) -> tuple[OutputSpec, ...]:
    specs = []
    for spec in outputs:
        given = recipe.outputs.get(spec.name, OutputRecipe())
        labels = check_labels(given.labels, spec.kind, spec.columns, spec.name)
        specs.append(replace(spec, labels=labels, threshold=given.threshold, unit=given.unit))
    return tuple(specs)


def _run_front(front: Path, raw: tuple[InputSpec, ...], samples: list[Arrays]) -> Arrays:
    import onnxruntime as ort

    session = ort.InferenceSession(front, providers=["CPUExecutionProvider"])
    feeds = {spec.name: np.stack([each[spec.name] for each in samples]) for spec in raw}
    values = session.run([tensor_name(spec.name) for spec in raw], feeds)
    return {spec.name: value for spec, value in zip(raw, values, strict=True)}


def _opset(path: Path) -> int:
    import onnx

    model = onnx.load(path, load_external_data=False)
    return int(next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")))
