"""The verdict on one artefact: proven not worse than its original, refuted, or not provable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from edgemed.judge.agreement import FEW_SCORES
from edgemed.judge.finding import Compared
from edgemed.judge.noninferiority import compared, differences
from edgemed.judge.pairs import Pairs
from edgemed.judge.sound import check_pairs
from edgemed.judge.subgroups import subgroups
from edgemed.judge.value_findings import limits_of_agreement
from edgemed.types import Difference, JudgeSpec, Outcome, OutputSpec, Verdict


def judge_pairs(outputs: Sequence[OutputSpec], pairs: Pairs, spec: JudgeSpec, seed: int) -> Verdict:
    """What the cases say of the artefact; who it is of is left for the caller to fill in.

    Raises `BadInput` where cases or labels cannot tell good answers from bad ones, see `check_pairs`.
    """
    check_pairs(outputs, pairs)
    found = tuple(each for output in outputs for each in differences(output, pairs, spec, seed))
    both = [compared(output, pairs, spec, seed) for output in outputs]
    values = [
        (output, each) for output, each in zip(outputs, both, strict=True) if output.kind == "regression"
    ]
    return Verdict(
        outcome=outcome(found),
        alpha=spec.alpha,
        cases=len(pairs.names),
        groups=None if pairs.groups is None else len(np.unique(pairs.groups)),
        differences=found,
        notes=(*_notes(outputs, both, found), *subgroups(pairs.strata, len(pairs.names))[1]),
        limits=tuple(limit for output, each in values for limit in limits_of_agreement(output, each)),
    )


def outcome(found: Sequence[Difference]) -> Outcome:
    """Proven where every difference with a margin is, refuted where one is; subgroups decide nothing."""
    outcomes = {each.outcome for each in found if each.outcome is not None and not each.subgroup}
    if "refuted" in outcomes:
        return "refuted"
    return "proven" if outcomes == {"proven"} else "not provable"


def _notes(
    outputs: Sequence[OutputSpec], both: Sequence[Compared], found: Sequence[Difference]
) -> Iterator[str]:
    if all(np.array_equal(each.before, each.after) for each in both):
        yield "the outputs are identical on these cases; that alone proves nothing about others"
    for output, each in zip(outputs, both, strict=True):
        old, new = (
            max(len(np.unique(column)) for column in scores.T) for scores in (each.before, each.after)
        )
        if output.kind != "regression" and new < min(FEW_SCORES, old):
            yield (
                f"{output.name}: the artefact gives only {new} distinct scores, the original {old}: "
                "keep the last layers in float"
            )
    if not any(each.outcome for each in found):
        yield "no margin is set: there is nothing to prove"
    groups = both[0].groups
    if groups is not None:
        count = len(np.unique(groups))
        yield f"{len(groups)} cases of {count} patients or groups: the intervals count each group once"
