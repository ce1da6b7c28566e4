"""The checks that cases pair up and can tell good answers from bad ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.groups import check_groups
from edgemed.judge.pairs import Pairs
from edgemed.judge.scores import as_scores, as_targets, names_of_classes
from edgemed.types import OutputSpec

_NAMED = 3


def check_paired(
    original: Sequence[str],
    artefact: Sequence[str],
    original_targets: Mapping[str, NDArray[Any]],
    artefact_targets: Mapping[str, NDArray[Any]],
) -> None:
    """Raises `BadInput` where two lists of cases, each with its targets, are not one list, in one order."""
    for who, names in (("original", original), ("artefact", artefact)):
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise BadInput(
                f"{len(twice)} cases are there twice, such as {', '.join(twice[:_NAMED])}",
                where=f"answers of the {who}",
                remedy="give each case once",
            )
    for who, own, other in (("artefact", original, artefact), ("original", artefact, original)):
        known = set(other)
        missing = [name for name in own if name not in known]
        if missing:
            raise BadInput(
                f"{len(missing)} of {len(own)} cases are missing, such as {', '.join(missing[:_NAMED])}",
                where=f"answers of the {who}",
                remedy="answer the same cases with both models",
            )
    if list(original) != list(artefact):
        first = next(i for i, (a, b) in enumerate(zip(original, artefact, strict=True)) if a != b)
        raise BadInput(
            f"the cases are in another order: number {first + 1} is {original[first]} in one and "
            f"{artefact[first]} in the other",
            where="answers of the artefact",
            remedy="sort both by case",
        )
    for name in original_targets.keys() | artefact_targets.keys():
        old, new = original_targets.get(name), artefact_targets.get(name)
        if old is None or new is None or not np.array_equal(old, new):
            raise BadInput(
                "the same cases have other labels",
                where=f"labels of output {name}",
                remedy="take the labels of one source for both",
            )


def check_pairs(outputs: Sequence[OutputSpec], pairs: Pairs) -> None:
    """Raises `BadInput` for answers, labels, groups or strata that are missing or of another length, values
    that are not finite, one class only, an original that answers every case alike, and a single group."""
    cases = len(pairs.names)
    for output in outputs:
        _check_output(output, pairs, cases)
    _lengths(
        cases, {"groups": pairs.groups, **{f"stratum {name}": each for name, each in pairs.strata.items()}}
    )
    check_groups(pairs.groups, "groups")


def _check_output(output: OutputSpec, pairs: Pairs, cases: int) -> None:
    where = f"output {output.name}"
    parts = {"original": pairs.original, "artefact": pairs.artefact, "labels": pairs.targets}
    for what, arrays in parts.items():
        if output.name not in arrays:
            told = "no labels" if what == "labels" else f"no answers of the {what}"
            raise BadInput(f"there are {told}", where=where, remedy="give a set with labels of every output")
    _lengths(cases, {f"{what} of {where}": arrays[output.name] for what, arrays in parts.items()})
    before = as_scores(output, pairs.original[output.name])
    as_scores(output, pairs.artefact[output.name])
    targets = as_targets(output, pairs.targets[output.name], cases)
    if output.kind != "regression":
        columns = targets.reshape(cases, -1).T
        if all(len(np.unique(column)) < 2 for column in columns):
            names = names_of_classes(output)
            only = names[int(columns[0][0])] if len(columns) == 1 else "one class of each label"
            raise BadInput(
                f"all {cases} cases are {only}",
                where=f"labels of {where}",
                remedy="give cases of at least two classes: AUC, sensitivity and specificity need both",
            )
    if cases > 1 and all(np.ptp(column) == 0 for column in before.T):
        raise BadInput(
            f"the original answers all {cases} cases alike: {before[0, -1]:.4g}",
            where=where,
            remedy="check the model and its inputs: it tells nothing apart, so nothing can be worse",
        )


def _lengths(cases: int, parts: Mapping[str, Any]) -> None:
    for what, each in parts.items():
        if each is not None and len(each) != cases:
            raise BadInput(f"{len(each)} entries for {cases} cases: these do not pair up", where=what)
