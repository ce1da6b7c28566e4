"""Stage `data`: the three sets, read once from end to end, checked, counted and digested."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from edgemed.errors import BadInput
from edgemed.judge import ContentCheck
from edgemed.readers.opening import reader_of
from edgemed.readers.reference import Reference
from edgemed.sources.digest import source_digest
from edgemed.stages.job import Job, SetSource
from edgemed.types import DataFacts, Graph, Recipe, StageTime
from edgemed.types.compilation import Role

FEWEST_CALIBRATION = 2
_NAMED = 3


def check_paths(recipe: Recipe, base: Path) -> None:
    """Before anything slow: every file and set that the recipe names exists. Raises `BadInput`."""
    data = recipe.data
    source_digest(recipe.model, base)
    for name, spec in recipe.inputs.items():
        file, _, function = (spec.training_function or "").partition(":")
        if function and not (base / file).is_file():
            raise BadInput(
                f"there is no file {file}",
                where=f"inputs.{name}.training_function",
                remedy="write it relative to the recipe's folder",
            )
    for role, ref in (("calibrate", data.calibrate), ("select", data.select), ("accept", data.accept)):
        if ref is not None:
            try:
                reader_of(Reference.parse(ref).resolve(base), ref)
            except BadInput as error:
                raise BadInput(error.problem, where=f"--{role} {ref}", remedy=error.remedy) from None
    if data.accept is not None and data.select is None:
        raise BadInput(
            "an acceptance set without a selection set",
            where="--select",
            remedy="choices are made on one set and reported on another: split yours in two",
        )


def check_data(
    job: Job, graph: Graph
) -> tuple[dict[Role, SetSource], tuple[DataFacts, ...], tuple[str, ...]]:
    """Read every set once. Gives how to open each, what is in it, and warnings.

    Raises `BadInput` for the same case or patient in two sets, one class only, labels outside their range,
    and a calibration set of fewer than 2 samples.
    """
    data = job.recipe.data
    job.reporter.stage("data", "checking the data")
    start = time.perf_counter()
    check = ContentCheck(graph.outputs)
    sources: dict[Role, SetSource] = {}
    facts: list[DataFacts] = []
    roles: tuple[tuple[Role, str | None], ...] = (
        ("calibrate", data.calibrate),
        ("select", data.select),
        ("accept", data.accept),
    )
    for role, ref in roles:
        if ref is None:
            continue
        outputs = () if role == "calibrate" else graph.outputs
        source = SetSource(ref, str(job.base), graph.inputs, outputs, data.skip_bad)
        samples = source.open()
        sha = hashlib.sha256()
        count = 0
        for count, sample in enumerate(check.watch(role, samples), start=1):
            sha.update(sample.content)
            for name in sorted(sample.targets):
                sha.update(f"{name}={sample.targets[name].tolist()};".encode())
            job.reporter.progress(count, len(samples))
        if role == "calibrate" and count < FEWEST_CALIBRATION:
            raise BadInput(
                f"the calibration set has {count} samples; at least {FEWEST_CALIBRATION} are needed",
                where="--calibrate",
                remedy="give some hundred unlabelled samples like those in use (300 is the default)",
            )
        digest = sha.hexdigest()
        sources[role] = SetSource(ref, str(job.base), graph.inputs, outputs, data.skip_bad, digest)
        facts.append(
            DataFacts(
                role=role,
                ref=ref,
                n=count,
                labelled=samples.labelled,
                sha256=digest,
                skipped=samples.skipped,
                notes=samples.notes,
                class_counts=check.class_counts(role),
            )
        )
    warnings = check.finish()
    for fact in facts:
        if fact.skipped:
            warnings = (*warnings, _skipped(fact))
        if fact.role != "calibrate" and not fact.labelled:
            warnings = (*warnings, f"the {fact.role} set has no labels: no AUC, sensitivity or specificity")
    job.add_time(StageTime("data", time.perf_counter() - start))
    return sources, tuple(facts), warnings


def _skipped(fact: DataFacts) -> str:
    named = ", ".join(fact.skipped[:_NAMED]) + (", ..." if len(fact.skipped) > _NAMED else "")
    return (
        f"{len(fact.skipped)} of {fact.n + len(fact.skipped)} samples of the {fact.role} set cannot be read "
        f"and are left out: {named}"
    )
