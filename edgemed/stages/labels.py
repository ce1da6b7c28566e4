"""The labels of the sets, read without their samples once the heads are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge import check_classes, check_margins, check_provable, group_numbers
from edgemed.stages.job import SetSource
from edgemed.types import DataFacts, JudgeSpec, OutputSpec, SampleSet
from edgemed.types.compilation import Role


def check_labels(
    sets: Mapping[Role, SetSource],
    data: Sequence[DataFacts],
    outputs: tuple[OutputSpec, ...],
    *,
    learnt: bool,
    judge: JudgeSpec,
) -> tuple[dict[Role, SetSource], tuple[DataFacts, ...], tuple[str, ...]]:
    """What `check_data` gave, with labels: opened for `outputs`, counted, in the digests; and warnings.

    Calibration takes none; where they are `learnt`, by a recovery, they are checked like the others. Raises
    `BadInput` for labels outside their range, one class only, class folders of other names in each set, and
    margins of no output, and an acceptance set too small for a proof even where no decision changes.
    """
    check_margins(outputs, judge)
    sources = dict(sets)
    facts: list[DataFacts] = []
    warnings: list[str] = []
    numbered: dict[str, tuple[Role, tuple[str, ...]]] = {}
    for fact in data:
        if fact.role == "calibrate" and not learnt:
            facts.append(fact)
            continue
        source = replace(sets[fact.role], outputs=outputs)
        samples = source.open()
        for output, classes in samples.classes.items():
            _same_classes(output, numbered.setdefault(output, (fact.role, classes)), (fact.role, classes))
        labelled, labels, told = _labelled(fact, samples, outputs)
        if fact.role == "accept":
            for spec in outputs if labels else ():
                check_provable(spec, labels[spec.name], group_numbers(source.groups), judge)
        if fact.role == "calibrate":  # its digest is that of what int8 is calibrated on
            facts.append(fact)
            continue
        sources[fact.role] = replace(source, sha256=labelled.sha256)
        facts.append(labelled)
        warnings += told
    warnings += [_by_name(output, classes) for output, (_, classes) in numbered.items()]
    return sources, tuple(facts), tuple(warnings)


def _labelled(
    fact: DataFacts, samples: SampleSet, outputs: Sequence[OutputSpec]
) -> tuple[DataFacts, dict[str, NDArray[Any]], tuple[str, ...]]:
    """The same with classes and digest, the labels of each output, and warnings."""
    if not samples.labelled:
        return fact, {}, (f"the {fact.role} set has no labels: no AUC, sensitivity or specificity",)
    read: dict[str, list[NDArray[Any]]] = {}
    sha = hashlib.sha256(fact.sha256.encode())
    unreadable = frozenset(fact.skipped)
    for name, targets in samples.targets():
        if name in unreadable:
            continue
        for output in sorted(targets):
            sha.update(f"{output}={targets[output].tolist()};".encode())
            read.setdefault(output, []).append(targets[output])
    labels = {output: np.stack(each) for output, each in read.items()}
    counts: dict[str, dict[str, int]] = {}
    warnings: tuple[str, ...] = ()
    for spec in outputs:
        if spec.kind != "regression":
            counts[spec.name], told = check_classes(fact.role, spec, labels[spec.name])
            warnings += told
    return replace(fact, labelled=True, sha256=sha.hexdigest(), class_counts=counts), labels, warnings


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
