"""Whether an artefact is not worse than its original: every figure of one output held against its margin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from edgemed.judge.cases_needed import cases_needed
from edgemed.judge.class_findings import class_findings
from edgemed.judge.finding import Compared, Finding
from edgemed.judge.pairs import Pairs
from edgemed.judge.scores import as_scores, as_targets, names_of_columns
from edgemed.judge.subgroups import subgroups
from edgemed.judge.value_findings import value_findings
from edgemed.types import Difference, JudgeSpec, Outcome, OutputSpec

TENTH = 0.1
"""Of the original's MAE: the margin of bias and MAE where none is given."""


def compared(output: OutputSpec, pairs: Pairs, spec: JudgeSpec, seed: int) -> Compared:
    """One output's answers and targets, checked. Raises `BadInput` as `as_scores` and `as_targets` do."""
    before, after = (as_scores(output, each[output.name]) for each in (pairs.original, pairs.artefact))
    targets = as_targets(output, pairs.targets[output.name], len(before))
    return Compared(before, after, targets, pairs.groups, spec.alpha, spec.draws, seed)


def differences(output: OutputSpec, pairs: Pairs, spec: JudgeSpec, seed: int) -> tuple[Difference, ...]:
    """Paired differences of one output on all cases, then in each subgroup (multiclass: no single classes).

    Every difference with a margin must be proven (intersection-union test: Berger, Technometrics 24 (1982)
    295-300), so each may be wrong with probability `spec.alpha`. Margins of regression that are not given are
    a tenth of the original's MAE on all cases.
    """
    both = compared(output, pairs, spec, seed)
    margins = _margins(output, both, spec)
    whole = tuple(_difference(output, each, margins, spec, seed) for each in _findings(output, both))
    parts, _ = subgroups(pairs.strata, len(both.before))
    return whole + tuple(
        _difference(output, each, margins, spec, seed, name)
        for name, cases in parts.items()
        for each in _findings(output, both.part(cases))
        if output.kind != "multiclass" or each.label in ("", "macro")
    )


def outcome_of(low: float, high: float, margin: float) -> Outcome:
    """Proven: the loss lies below the margin in the whole interval; refuted: above it."""
    if low > -margin:
        return "proven"
    return "refuted" if high < -margin else "not provable"


def _findings(output: OutputSpec, both: Compared) -> Iterator[Finding]:
    return (value_findings if output.kind == "regression" else class_findings)(output, both)


def _margins(output: OutputSpec, both: Compared, spec: JudgeSpec) -> dict[tuple[str, str], float]:
    """By metric, and by label where it is one column's own."""
    given = spec.margins_of(output.name).to_dict()
    margins = {(metric, ""): margin for metric, margin in given.items() if margin is not None}
    if output.kind == "regression":
        errors = np.abs(both.before - both.targets).mean(axis=0)
        for label, error in zip(names_of_columns(output), errors, strict=True):
            for metric in ("bias", "mae"):
                if given[metric] is None and error > 0:
                    margins[metric, label] = TENTH * float(error)
    return margins


def _difference(
    output: OutputSpec,
    finding: Finding,
    margins: Mapping[tuple[str, str], float],
    spec: JudgeSpec,
    seed: int,
    subgroup: str = "",
) -> Difference:
    from edgemed.judge.claim import claim_false

    found, reason = finding.estimate, finding.reason
    margin = margins.get((finding.metric, finding.label), margins.get((finding.metric, "")))
    if found is None:
        return Difference(
            output.name, finding.metric, finding.n, None, None, None, None, None, margin,
            None if margin is None else "not provable", "", finding.label, subgroup, reason=reason,
        )  # fmt: skip
    outcome = None if margin is None else outcome_of(found.low, found.high, margin)
    needed = None
    if outcome == "not provable" and margin is not None and not subgroup:
        needed = cases_needed(found, margin, spec.alpha, seed)
        if needed is None:
            why = "no number of cases proves it if the difference is what it is here"
            reason = "; ".join(filter(None, (reason, why)))
    false = None
    if found.better is not None and found.worse is not None:
        false = claim_false(max(found.better, found.worse), min(found.better, found.worse))
    return Difference(
        output.name, finding.metric, found.n, found.original, found.artefact, found.difference,
        found.low, found.high, margin, outcome, found.method, finding.label, subgroup,
        found.better, found.worse, false, needed, reason,
    )  # fmt: skip
