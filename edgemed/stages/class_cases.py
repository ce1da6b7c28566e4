"""What a recipe's acceptance set has of each class, before anything is compressed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgemed.judge.figures import class_counts
from edgemed.judge.power_table import ClassCases
from edgemed.readers import open_set
from edgemed.stages.data import check_paths
from edgemed.stages.graph import make_graph
from edgemed.stages.inputs import fit_inputs
from edgemed.stages.job import Job, Reporter
from edgemed.types import Recipe


def class_cases(recipe: Recipe, base: Path, reporter: Reporter) -> tuple[ClassCases, ...]:
    """Of every output that is no regression; empty where there is no acceptance set, or one without labels.

    The model is exported, for only the graph tells its heads; of the set the labels and one sample are
    read, and no answer to it is seen. Raises `BadInput` as a compile does.
    """
    if recipe.data.accept is None:
        return ()
    check_paths(recipe, base)
    with tempfile.TemporaryDirectory(prefix="edgemed-") as scratch:
        job = Job(recipe, base, Path(scratch), reporter)
        inputs = fit_inputs(job)
        graph, _, _ = make_graph(job, inputs, None)
    samples = open_set(
        recipe.data.accept, inputs.raw, graph.outputs, base=job.base, skip_bad=recipe.data.skip_bad
    )
    if not samples.labelled:
        return ()
    labels = [targets for _, targets in samples.targets()]
    grouped = next(iter(samples)).group is not None
    found = []
    for spec in graph.outputs:
        if spec.kind != "regression":
            counts = class_counts(spec, np.stack([each[spec.name] for each in labels]))
            positives = {"": list(counts.values())[1]} if spec.kind == "binary" else counts
            found.append(ClassCases(spec.name, {**positives}, len(labels), spec.kind, grouped))
    return tuple(found)
