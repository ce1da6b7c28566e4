"""Stage `data`: the three sets, read once from end to end, checked and digested; not yet their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgemed.child import report_progress, run_in_child
from edgemed.errors import BadInput
from edgemed.judge import ContentCheck
from edgemed.readers.opening import reader_of
from edgemed.readers.reference import Reference
from edgemed.readers.resize import FILTER
from edgemed.sources.digest import source_digest
from edgemed.stages.documents import check_card
from edgemed.stages.inputs import refuse_few
from edgemed.stages.job import Job, SetSource
from edgemed.stages.signal_statistics import SignalStatistics
from edgemed.stages.step_files import check_step_files
from edgemed.stages.value_statistics import ValueStatistics, is_bounded
from edgemed.types import (
    DataFacts,
    DataSpec,
    InputRecipe,
    InputSpec,
    Recipe,
    Resized,
    Sample,
    SignalRange,
    StageTime,
)
from edgemed.types.compilation import Role

_NAMED = 3
_A_SIGNAL = 64
"""Values; a table of ages and counts has fewer."""


def check_paths(recipe: Recipe, base: Path) -> None:
    """Before anything slow: every file and set that the recipe names exists. Raises `BadInput`."""
    data = recipe.data
    source_digest(recipe.model, base)
    check_step_files(recipe, base)
    check_card(recipe, base)
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
    job: Job, inputs: tuple[InputSpec, ...]
) -> tuple[dict[Role, SetSource], tuple[DataFacts, ...], tuple[str, ...]]:
    """Read every set once, without its labels, in a child process: nothing slow has been done yet.

    Gives how to open each, what is in it, and warnings. Raises `BadInput` for samples that cannot be read,
    the same case or patient in two sets and a calibration set of fewer than 2 samples; `ChildCrashed` where
    a decoder takes its process down.
    """
    job.reporter.stage("data", "checking the data")
    read = run_in_child(
        _read_sets, job.recipe.data, job.recipe.inputs, str(job.base), inputs,
        what="reading the data", on_progress=job.reporter.progress,
    )  # fmt: skip
    job.add_time(StageTime("data", read.seconds, peak_mib=read.peak_mib))
    return read.value


def _read_sets(
    data: DataSpec, declared: Mapping[str, InputRecipe], base: str, inputs: tuple[InputSpec, ...]
) -> tuple[dict[Role, SetSource], tuple[DataFacts, ...], tuple[str, ...]]:
    check = ContentCheck(inputs)
    sources: dict[Role, SetSource] = {}
    facts: list[DataFacts] = []
    resized: list[tuple[DataFacts, Resized]] = []
    doubts: dict[str, list[Role]] = {}
    unscaled: tuple[str, ...] = ()
    ranges: dict[str, SignalRange] = {}
    roles: tuple[tuple[Role, str | None], ...] = (
        ("calibrate", data.calibrate),
        ("select", data.select),
        ("accept", data.accept),
    )
    for role, ref in roles:
        if ref is None:
            continue
        source = SetSource(ref, base, inputs, (), data.skip_bad)
        samples = source.open()
        sha = hashlib.sha256()
        count = 0
        groups: list[str] = []
        signals = {
            spec.name: SignalStatistics(spec, [step.op for step in declared[spec.name].steps])
            for spec in inputs
            if spec.acquisition is not None
        }
        values = {spec.name: ValueStatistics(spec) for spec in inputs if is_bounded(spec)}
        for count, sample in enumerate(check.watch(role, samples), start=1):
            if not sources and count == 1:
                unscaled = tuple(_unscaled(sample, declared))
            sha.update(f"{sample.name};{sample.group};{sorted(sample.strata.items())};".encode())
            sha.update(sample.content)
            for name, each in signals.items():
                each.add(sample, ranges.get(name))
            for bounded in values.values():
                bounded.add(sample)
            groups.append(sample.group or "")
            report_progress(count, len(samples))
        if role == "calibrate":
            refuse_few(count)
        if role == "calibrate":
            ranges = {name: each.range() for name, each in signals.items()}
        sources[role] = replace(source, sha256=sha.hexdigest(), groups=tuple(groups))
        facts.append(
            DataFacts(
                role=role,
                ref=ref,
                n=count,
                labelled=False,
                sha256=sha.hexdigest(),
                skipped=samples.skipped,
                notes=samples.notes,
                signals=ranges if role == "calibrate" else {},
                values={name: each.range() for name, each in values.items()} if count else {},
            )
        )
        resized += [(facts[-1], each) for each in samples.resized]
        for doubt in samples.doubts:
            doubts.setdefault(doubt, []).append(role)
    skipped = (_skipped(fact) for fact in facts if fact.skipped)
    doubted = (f"{' and '.join(roles)}: {doubt}" for doubt, roles in doubts.items())
    return sources, tuple(facts), (*unscaled, *doubted, *check.finish(), *_resized(resized), *skipped)


def _unscaled(sample: Sample, declared: Collection[str]) -> Iterator[str]:
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


def _skipped(fact: DataFacts) -> str:
    named = ", ".join(fact.skipped[:_NAMED]) + (", ..." if len(fact.skipped) > _NAMED else "")
    return (
        f"{len(fact.skipped)} of {fact.n + len(fact.skipped)} samples of the {fact.role} set cannot be read "
        f"and are left out: {named}"
    )
