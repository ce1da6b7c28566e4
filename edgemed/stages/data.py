"""Stage `data`: the three sets, read once from end to end, checked, counted and digested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgemed.child import report_progress, run_in_child
from edgemed.errors import BadInput
from edgemed.judge import ContentCheck
from edgemed.readers.opening import reader_of
from edgemed.readers.reference import Reference
from edgemed.readers.resize import FILTER
from edgemed.sources.digest import source_digest
from edgemed.stages.inputs import refuse_few
from edgemed.stages.job import Job, SetSource
from edgemed.types import DataFacts, DataSpec, Graph, Recipe, Resized, Sample, StageTime
from edgemed.types.compilation import Role

_NAMED = 3
_A_SIGNAL = 64
"""Values; a table of ages and counts has fewer."""


def check_paths(recipe: Recipe, base: Path) -> None:
    """Before anything slow: every file and set that the recipe names exists. Raises `BadInput`."""
    data = recipe.data
    source_digest(recipe.model, base)
    for name, spec in recipe.inputs.items():
        if spec.training_function is None:
            continue
        file, _, function = spec.training_function.partition(":")
        if not (file.endswith(".py") and function.isidentifier()):
            raise BadInput(
                f"{spec.training_function!r} is not of the form file.py:function",
                where=f"inputs.{name}.training_function",
            )
        if not (base / file).is_file():
            raise BadInput(
                f"there is no file {file}",
                where=f"inputs.{name}.training_function",
                remedy="write it relative to the recipe's folder",
            )
        if data.calibrate is None:
            raise BadInput(
                "there are no samples to compare the steps with the training function on",
                where=f"inputs.{name}.training_function",
                remedy="give --calibrate; no labels are needed",
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
    """Read every set once, in a child process. Gives how to open each, what is in it, and warnings.

    Raises `BadInput` for the same case or patient in two sets, one class only, labels outside their range,
    class folders of other names in each set, and a calibration set of fewer than 2 samples; `ChildCrashed`
    where a decoder takes its process down.
    """
    job.reporter.stage("data", "checking the data")
    read = run_in_child(
        _read_sets, job.recipe.data, frozenset(job.recipe.inputs), str(job.base), graph,
        what="reading the data", on_progress=job.reporter.progress,
    )  # fmt: skip
    job.add_time(StageTime("data", read.seconds, peak_mib=read.peak_mib))
    return read.value


def _read_sets(
    data: DataSpec, declared: frozenset[str], base: str, graph: Graph
) -> tuple[dict[Role, SetSource], tuple[DataFacts, ...], tuple[str, ...]]:
    check = ContentCheck(graph.outputs)
    sources: dict[Role, SetSource] = {}
    facts: list[DataFacts] = []
    resized: list[tuple[DataFacts, Resized]] = []
    unscaled: tuple[str, ...] = ()
    numbered: dict[str, tuple[Role, tuple[str, ...]]] = {}
    roles: tuple[tuple[Role, str | None], ...] = (
        ("calibrate", data.calibrate),
        ("select", data.select),
        ("accept", data.accept),
    )
    for role, ref in roles:
        if ref is None:
            continue
        outputs = () if role == "calibrate" else graph.outputs
        source = SetSource(ref, base, graph.inputs, outputs, data.skip_bad)
        samples = source.open()
        for output, classes in samples.classes.items():
            _same_classes(output, numbered.setdefault(output, (role, classes)), (role, classes))
        sha = hashlib.sha256()
        count = 0
        for count, sample in enumerate(check.watch(role, samples), start=1):
            if not sources and count == 1:
                unscaled = tuple(_unscaled(sample, declared))
            sha.update(f"{sample.name};{sample.group};".encode())
            sha.update(sample.content)
            for name in sorted(sample.targets):
                sha.update(f"{name}={sample.targets[name].tolist()};".encode())
            report_progress(count, len(samples))
        if role == "calibrate":
            refuse_few(count)
        digest = sha.hexdigest()
        sources[role] = SetSource(ref, base, graph.inputs, outputs, data.skip_bad, digest)
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
        resized += [(facts[-1], each) for each in samples.resized]
    warnings = (*unscaled, *check.finish(), *_resized(resized))
    for output, (_, classes) in numbered.items():
        warnings = (*warnings, _by_name(output, classes))
    for fact in facts:
        if fact.skipped:
            warnings = (*warnings, _skipped(fact))
        if fact.role != "calibrate" and not fact.labelled:
            warnings = (*warnings, f"the {fact.role} set has no labels: no AUC, sensitivity or specificity")
    return sources, tuple(facts), warnings


def _unscaled(sample: Sample, declared: frozenset[str]) -> Iterator[str]:
    """Pictures and signals as they come from a file, where the recipe says nothing of them."""
    for name, array in sample.inputs.items():
        if (
            name not in declared
            and array.size >= _A_SIGNAL
            and array.max() > 1
            and not np.mod(array, 1).any()
        ):
            yield (
                f"input {name} is not in the recipe, and {sample.name} holds whole numbers up to "
                f"{array.max():g}: where training scaled them, write [inputs.{name}] with dtype, shape and "
                "steps (edgemed init does)"
            )


def _resized(found: Sequence[tuple[DataFacts, Resized]]) -> Iterator[str]:
    """One warning for each input and size."""
    for name, size in dict.fromkeys((each.name, each.size) for _, each in found):
        alike = [(fact, each) for fact, each in found if (each.name, each.size) == (name, size)]
        sets = " and ".join(f"{each.count} of {fact.n} of the {fact.role} set" for fact, each in alike)
        yield (
            f"input {name}: {sets} were brought from other sizes (such as {alike[0][1].example}) to "
            f"{size} by {FILTER}; train on pictures brought to size in the same way, or give them at {size}"
        )


def _same_classes(
    output: str, first: tuple[Role, tuple[str, ...]], other: tuple[Role, tuple[str, ...]]
) -> None:
    """Raises `BadInput` where the same class index would have another meaning in each of two sets."""
    if first[1] != other[1]:
        lists = "; ".join(f"{role}: {', '.join(classes)}" for role, classes in (first, other))
        raise BadInput(
            f"the class folders of output {output!r} have other names in each set ({lists}), and their order "
            "would give an index two meanings",
            where=f"--{first[0]} and --{other[0]}",
            remedy=f"name the folders alike, and {_labels(output, first[1])}",
        )


def _by_name(output: str, classes: tuple[str, ...]) -> str:
    numbers = ", ".join(f"{index} {name}" for index, name in enumerate(classes))
    return (
        f"the classes of output {output} were numbered by the names of their folders ({numbers}): "
        f"{_labels(output, classes)} if that is the model's order, else in its order"
    )


def _labels(output: str, classes: tuple[str, ...]) -> str:
    return f"write labels = {json.dumps(list(classes), ensure_ascii=False)} under [outputs.{output}]"


def _skipped(fact: DataFacts) -> str:
    named = ", ".join(fact.skipped[:_NAMED]) + (", ..." if len(fact.skipped) > _NAMED else "")
    return (
        f"{len(fact.skipped)} of {fact.n + len(fact.skipped)} samples of the {fact.role} set cannot be read "
        f"and are left out: {named}"
    )
