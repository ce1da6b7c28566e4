"""Stages `temperature` and `scaled-graph`: fitted on the selection set, then a step in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.child import report_progress
from edgemed.judge.temperature import fit_temperature
from edgemed.sources.scaled_ending import Logits, scale_endings
from edgemed.stages.graph_file import GRAPH_FILE
from edgemed.stages.job import Job, SetSource
from edgemed.stages.pruning import Pruned
from edgemed.types import Graph, OutputSpec, Temperature, digest_of_file
from edgemed.types.compilation import Role


def scale_temperature(
    job: Job, graph: Graph, sets: Mapping[Role, SetSource]
) -> tuple[Graph, tuple[Temperature, ...], tuple[str, ...]]:
    """The graph whose logits are divided by the temperatures found, its thresholds mapped; and warnings.

    `graph` itself, and no temperature, where the recipe does not ask. Outputs whose temperature the
    selection set does not tell stay as they are, with a warning; regression has none. The selection set has
    labels, see `check_asked`.
    """
    if not job.recipe.judge.temperature:
        return graph, (), ()
    if all(spec.kind == "regression" for spec in graph.outputs):
        return graph, (), ("no output has a temperature: all are regression",)
    source = sets["select"]
    depends_on = {
        "graph": graph.sha256,
        "outputs": [each.to_dict() for each in graph.outputs],
        "select": source.sha256,
        "versions": job.versions("onnx", "onnxruntime", "numpy", "scipy"),
    }
    stage = job.run(
        "temperature", "fitting temperatures", depends_on, _fit, graph.path, graph.outputs, source
    )
    temperatures = tuple(Temperature.from_dict(each) for each in stage.facts["temperatures"])
    told = tuple(stage.facts["unfitted"])
    return _scaled(job, "scaled-graph", graph, temperatures), temperatures, told


def scale_pruned(job: Job, pruned: Pruned | None, temperatures: Sequence[Temperature]) -> Pruned | None:
    """The pruned graph with the original's temperatures: it learnt the original's logits."""
    if pruned is None or isinstance(pruned.graph, str):
        return pruned
    return replace(pruned, graph=_scaled(job, "scaled-graph-pruned", pruned.graph, temperatures))


def _scaled(job: Job, name: str, graph: Graph, temperatures: Sequence[Temperature]) -> Graph:
    if not temperatures:
        return graph
    values = {each.output: each.value for each in temperatures}
    thresholds = {each.output: each.threshold_after for each in temperatures}
    depends_on = {
        "graph": graph.sha256,
        "outputs": [[each.name, each.kind] for each in graph.outputs],
        "temperatures": values,
        "versions": job.versions("onnx"),
    }
    stage = job.run(name, "scaling logits", depends_on, _scale, graph.path, graph.outputs, values)
    outputs = tuple(
        replace(each, threshold=thresholds.get(each.name, each.threshold)) for each in graph.outputs
    )
    return replace(graph, path=str(stage.folder / GRAPH_FILE), sha256=stage.facts["sha256"], outputs=outputs)


def _fit(graph: str, outputs: tuple[OutputSpec, ...], source: SetSource, folder: Path) -> dict[str, Any]:
    logits, targets = _answers(graph, outputs, source)
    temperatures: list[dict[str, Any]] = []
    unfitted: list[str] = []
    for spec in outputs:
        if spec.kind == "regression":
            continue
        found = fit_temperature(spec, np.stack(logits[spec.name]), np.stack(targets[spec.name]))
        if isinstance(found, Temperature):
            temperatures.append(found.to_dict())
        else:
            unfitted.append(f"{spec.name} is not scaled by a temperature on the selection set: {found}")
    return {"temperatures": temperatures, "unfitted": unfitted}


def _answers(
    graph: str, outputs: tuple[OutputSpec, ...], source: SetSource
) -> tuple[dict[str, list[NDArray[Any]]], dict[str, list[NDArray[Any]]]]:
    """Logits and targets of each output, case by case."""
    session, samples = Logits(Path(graph), outputs), source.open()
    logits: dict[str, list[NDArray[Any]]] = {}
    targets: dict[str, list[NDArray[Any]]] = {}
    for done, sample in enumerate(samples, start=1):
        for name, values in session.of(sample.inputs).items():
            logits.setdefault(name, []).append(values)
            targets.setdefault(name, []).append(sample.targets[name])
        report_progress(done, len(samples))
    return logits, targets


def _scale(
    graph: str, outputs: tuple[OutputSpec, ...], temperatures: Mapping[str, float], folder: Path
) -> dict[str, Any]:
    scale_endings(Path(graph), outputs, temperatures, folder / GRAPH_FILE)
    return {"sha256": digest_of_file(folder / GRAPH_FILE)}
