"""Whether an artefact is not worse than its original: every figure of one output held against its margin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from edgemed.judge.cases_needed import cases_needed, never_proven
from edgemed.judge.class_findings import class_findings
from edgemed.judge.finding import Compared, Finding
from edgemed.judge.margins import metrics_of
from edgemed.judge.pairs import Pairs
from edgemed.judge.power import MOST_CASES
from edgemed.judge.scores import as_scores, as_targets, names_of_columns
from edgemed.judge.subgroups import Mask
from edgemed.judge.value_findings import value_findings
from edgemed.types import Difference, JudgeSpec, Outcome, OutputSpec

TENTH = 0.1
"""Of the original's MAE: the margin of bias and MAE where "tenth" is given."""
NO_TENTH = "the original's MAE is 0, a tenth of which is no margin: give bias and mae margins"
NEVER = "no number of cases proves it if the difference is what it is here"
TOO_MANY = f"more than {MOST_CASES} cases prove it if the difference is what it is here"
_Asked = Mapping[tuple[str, str], float | None]
"""Margins by metric and label, "" for every label; None where a tenth of nothing is asked for."""


def compared(output: OutputSpec, pairs: Pairs, spec: JudgeSpec, seed: int) -> Compared:
    """One output's answers and targets, checked. Raises `BadInput` as `as_scores` and `as_targets` do."""
    before, after = (as_scores(output, each[output.name]) for each in (pairs.original, pairs.artefact))
    targets = as_targets(output, pairs.targets[output.name], len(before))
    return Compared(before, after, targets, pairs.groups, spec.alpha, spec.draws, seed)


def differences(
    output: OutputSpec, both: Compared, parts: Mapping[str, Mask], spec: JudgeSpec
) -> tuple[Difference, ...]:
    """Paired differences of one output on all cases, then in each subgroup (multiclass: no single classes).

    `parts` are those of `subgroups`. Every difference with a margin must be proven (intersection-union test:
    Berger, Technometrics 24 (1982) 295-300), so each may be wrong with probability `spec.alpha`. A "tenth" is
    of the original's MAE on all cases.
    """
    margins = _margins(output, both, spec)
    whole = tuple(_difference(output, each, margins, both) for each in _findings(output, both))
    return whole + tuple(
        _difference(output, each, margins, both, name)
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


def _margins(output: OutputSpec, both: Compared, spec: JudgeSpec) -> _Asked:
    given = spec.margins_of(output.name).to_dict()
    margins: dict[tuple[str, str], float | None] = {}
    for metric in metrics_of(output):
        if given[metric] == "tenth":
            errors = np.abs(both.before - both.targets).mean(axis=0)
            for label, error in zip(names_of_columns(output), errors, strict=True):
                margins[metric, label] = TENTH * float(error) if error > 0 else None
        elif given[metric] is not None:
            margins[metric, ""] = given[metric]
    return margins


def _difference(
    output: OutputSpec,
    finding: Finding,
    margins: _Asked,
    both: Compared,
    subgroup: str = "",
) -> Difference:
    from edgemed.judge.claim import claim_false

    found, reasons = finding.estimate, [finding.reason]
    keys = [(finding.metric, label) for label in (finding.label, "")]
    asked = [margins[key] for key in keys if key in margins]
    margin = asked[0] if asked else None
    outcome: Outcome | None = "not provable" if asked else None
    if asked and margin is None:
        reasons.append(NO_TENTH)
    if found is None:
        return Difference(
            output.name, finding.metric, finding.n, None, None, None, None, None, margin, outcome, "",
            finding.label, subgroup, reason=_joined(reasons),
        )  # fmt: skip
    needed = None
    if margin is not None:
        outcome = outcome_of(found.low, found.high, margin)
        if outcome == "not provable" and not subgroup:
            needed = cases_needed(found, margin, both.alpha, both.seed)
            if needed is None:
                reasons.append(NEVER if never_proven(found, margin) else TOO_MANY)
    false = None
    if found.better is not None and found.worse is not None and not found.of_groups:
        false = claim_false(max(found.better, found.worse), min(found.better, found.worse))
    return Difference(
        output.name, finding.metric, found.n, found.original, found.artefact, found.difference,
        found.low, found.high, margin, outcome, found.method, finding.label, subgroup,
        found.better, found.worse, false, needed, _joined(reasons),
    )  # fmt: skip


def _joined(reasons: list[str]) -> str:
    return "; ".join(filter(None, reasons))
