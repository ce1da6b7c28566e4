"""The verdict on one artefact: proven not worse than its original, refuted, or not provable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from edgemed.judge.finding import Compared
from edgemed.judge.noninferiority import compared, differences
from edgemed.judge.pairs import Pairs
from edgemed.judge.remarks import IDENTICAL, distinct, few_scores
from edgemed.judge.sound import check_pairs
from edgemed.judge.subgroups import subgroups
from edgemed.judge.value_findings import bound_of_changes, limits_of_agreement
from edgemed.types import Difference, JudgeSpec, Outcome, OutputSpec, Verdict


def judge_pairs(outputs: Sequence[OutputSpec], pairs: Pairs, spec: JudgeSpec, seed: int) -> Verdict:
    """What the cases say of the artefact; who it is of is left for the caller to fill in.

    Raises `BadInput` where cases or labels cannot tell good answers from bad ones, see `check_pairs`.
    """
    check_pairs(outputs, pairs)
    both = {output: compared(output, pairs, spec, seed) for output in outputs}
    parts, told = subgroups(pairs.strata, len(pairs.names))
    found = {output: differences(output, each, parts, spec) for output, each in both.items()}
    values = {output: each for output, each in both.items() if output.kind == "regression"}
    return Verdict(
        outcome=_outcome(list(found.values())),
        alpha=spec.alpha,
        cases=len(pairs.names),
        groups=None if pairs.groups is None else len(np.unique(pairs.groups)),
        differences=tuple(chain.from_iterable(found.values())),
        notes=(*_notes(both), *told),
        limits=tuple(limit for output, each in values.items() for limit in limits_of_agreement(output, each)),
    )


def _outcome(found: Sequence[Sequence[Difference]]) -> Outcome:
    """Of the differences of each output: proven where each has some that decide and all of these are."""
    outcomes = [{each.outcome for each in _deciding(those)} for those in found]
    if any("refuted" in each for each in outcomes):
        return "refuted"
    return "proven" if all(each == {"proven"} for each in outcomes) else "not provable"


def _deciding(found: Sequence[Difference]) -> list[Difference]:
    return [each for each in found if each.outcome is not None and not each.subgroup]


def _notes(both: Mapping[OutputSpec, Compared]) -> Iterator[str]:
    if all(np.array_equal(each.before, each.after) for each in both.values()):
        yield IDENTICAL
    for output, each in both.items():
        if output.kind == "regression":
            yield bound_of_changes(output, each)
        elif few := few_scores(distinct(each.before), distinct(each.after)):
            yield f"{output.name}: {few}"
    groups = next(iter(both.values())).groups
    if groups is not None:
        count = len(np.unique(groups))
        yield f"{len(groups)} cases of {count} patients or groups: the intervals count each group once"
