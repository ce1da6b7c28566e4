"""Stage `graph`: from the trained model to one checked ONNX graph with its preprocessing inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgemed.sources import check_labels, endings, load_trained_model
from edgemed.sources.digest import source_digest
from edgemed.sources.imports import code_files, package_versions
from edgemed.stages.graph_file import GRAPH_FILE, write_graph
from edgemed.stages.inputs import Inputs, compare_training, real_samples
from edgemed.stages.job import Job, SetSource
from edgemed.stages.step_files import with_files_from
from edgemed.types import (
    Graph,
    ModelFacts,
    OutputRecipe,
    OutputSpec,
    ParityFacts,
    Recipe,
    digest_of_file,
)


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
    base, raw = Path(base_path), inputs.raw
    samples = real_samples(recipe, raw, base)
    parity = compare_training(recipe, raw, inputs.front, base, samples)
    trained = load_trained_model(recipe.model, base)
    placed = with_files_from(recipe, base)
    graph, compared = write_graph(trained, placed, inputs, _structure(recipe), samples, folder)
    model = ModelFacts(
        recipe.model.source, trained.kind, "", trained.parameters, graph.opset, raw, graph.outputs,
        tuple(trained.notes), endings(folder / GRAPH_FILE, graph.outputs),
    )  # fmt: skip
    return {
        "graph": graph.to_dict(),
        "model": model.to_dict(),
        "parity": [entry.to_dict() for entry in (*parity, compared)],
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
