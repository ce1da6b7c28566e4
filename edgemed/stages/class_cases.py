"""What a recipe's acceptance set has of each class, before anything is compressed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.judge import group_numbers
from edgemed.judge.power_table import ClassCases
from edgemed.judge.provable import positives_of
from edgemed.judge.scores import as_targets
from edgemed.judge.unseen import count_of
from edgemed.readers import open_set
from edgemed.stages.data import check_paths
from edgemed.stages.graph import make_graph
from edgemed.stages.inputs import fit_inputs
from edgemed.stages.job import Job, Reporter
from edgemed.types import Recipe


def class_cases(recipe: Recipe, base: Path, reporter: Reporter) -> tuple[ClassCases, ...]:
    """Of every output, with patients counted where the set names them; empty without a labelled set.

    The model is exported, for only the graph tells its heads; no answer to the set is seen. Raises `BadInput`
    as a compile does.
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
    read = list(samples)
    groups = group_numbers([sample.group or "" for sample in read])
    alpha = recipe.judge.alpha

    def counted(cases: NDArray[np.bool_]) -> int:
        return count_of(int(cases.sum()), None if groups is None else groups[cases], alpha)

    found = []
    for spec in graph.outputs:
        targets = as_targets(spec, np.stack([sample.targets[spec.name] for sample in read]), len(read))
        masks = {} if spec.kind == "regression" else positives_of(spec, targets)
        found.append(
            ClassCases(
                spec.name,
                {label: counted(mask) for label, mask in masks.items()},
                counted(np.ones(len(read), bool)),
                spec.kind,
                {label: counted(~mask) for label, mask in masks.items()},
                None if groups is None else len(read),
            )
        )
    return tuple(found)
