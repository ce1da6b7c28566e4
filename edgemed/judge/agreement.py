"""How near an artefact is to its original on one output of the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.auc import auc_differences
from edgemed.judge.figures import accuracies
from edgemed.judge.interval import mean, share
from edgemed.judge.remarks import FEW_SCORES, IDENTICAL, distinct, few_scores
from edgemed.judge.scores import (
    as_scores,
    as_targets,
    decide,
    logits,
    names_of_classes,
    names_of_columns,
    one_vs_rest,
)
from edgemed.types import OutputSpec
from edgemed.types.figures import AgreementFigures, Figure, Flip

FLIPS_NAMED = 200
MOST_SNR_DB = 200.0
"""The largest SNR that is told; float32 rounding alone is near 150."""
ROUNDING = 1e-6
"""Share of an output's largest value by which float32 runtimes may differ in a column that does not vary."""


def agreement(
    output: OutputSpec,
    original: NDArray[Any],
    artefact: NDArray[Any],
    targets: NDArray[Any] | None,
    case_names: Sequence[str],
) -> AgreementFigures:
    """Compare predictions (N, columns) of the original and the artefact on the same N cases, in order.

    Decision agreement has a Clopper-Pearson interval (multilabel: of the label that agrees least). With
    `targets` (see `Sample.targets`): differences of the AUC (paired DeLong interval), of accuracy,
    sensitivity and specificity (no interval: that of a paired share is the judge's), and of the MAE (paired
    Student's t). The SNR is on logits, and the worst column counts, see `logit_snr_db`.

    Raises `BadInput` where cases do not pair up, a value is not finite or a probability is none.
    """
    if len(original) != len(artefact) or len(original) != len(case_names):
        raise BadInput(
            f"{len(original)} predictions of the original, {len(artefact)} of the artefact, "
            f"{len(case_names)} case names: these do not pair up",
            where=f"output {output.name}",
        )
    before = as_scores(output, original)
    after = as_scores(output, artefact)
    wanted = None if targets is None else as_targets(output, targets, len(before))
    gaps = np.abs(after - before)
    worst = int(gaps.max(axis=1).argmax())
    identical = bool(np.array_equal(before, after))
    decisions, flips = _decisions(output, before, after, wanted, case_names)
    old, new = distinct(before), distinct(after)
    snrs = logit_snr_db(output, before, after)
    lost = np.flatnonzero(np.isneginf(snrs))
    return AgreementFigures(
        output=output.name,
        kind=output.kind,
        n=len(before),
        labelled=wanted is not None,
        largest_difference=float(gaps.max()),
        largest_difference_case=case_names[worst],
        mean_difference=float(gaps.mean()),
        identical=identical,
        snr_db=None if identical or lost.size else min(float(snrs.min()), MOST_SNR_DB),
        decisions=decisions,
        differences=() if wanted is None else tuple(_differences(output, before, after, wanted)),
        flip_count=len(flips),
        flips=tuple(flips[:FLIPS_NAMED]),
        distinct_original=old,
        distinct_artefact=new,
        notes=tuple(_notes(output, len(before), old, new, identical, lost)),
    )


def logit_snr_db(
    output: OutputSpec, before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """SNR in dB of each column of `as_scores`, on `logits`.

    10 log10 of the variance of the original over cases divided by the mean squared difference: infinite
    without a difference. A column that does not vary in the original has no signal: minus infinity, or
    infinite where the scores differ by no more than rounding.
    """
    original, artefact = logits(output, before), logits(output, after)
    noise = np.mean((artefact - original) ** 2, axis=0)
    constant = original.max(axis=0) == original.min(axis=0)
    rounded = np.abs(after - before).max(axis=0) <= ROUNDING * np.abs(before).max()
    snrs = np.full(len(noise), np.inf)
    snrs[constant & ~rounded & (noise > 0)] = -np.inf
    judged = ~constant & (noise > 0)
    snrs[judged] = 10 * np.log10(original.var(axis=0)[judged] / noise[judged])
    return snrs


def _decisions(
    output: OutputSpec,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    targets: NDArray[Any] | None,
    case_names: Sequence[str],
) -> tuple[Figure | None, list[Flip]]:
    if output.kind == "regression":
        return None, []
    old, new = decide(output, before), decide(output, after)
    same = old == new
    labels = names_of_columns(output) if output.kind == "multilabel" else ("",)
    least = int(same.mean(axis=0).argmin())
    figure = share("decisions", int(same[:, least].sum()), len(same), label=labels[least], method="exact")
    names = names_of_classes(output)
    wanted = None if targets is None else targets.reshape(len(same), -1)
    several = output.kind == "multiclass"
    flips = [
        Flip(
            case_names[case],
            names[old[case, column]],
            names[new[case, column]],
            None if wanted is None else names[wanted[case, column]],
            labels[column],
            float(before[case, old[case, column] if several else column]),
            float(after[case, new[case, column] if several else column]),
        )
        for case, column in np.argwhere(~same)
    ]
    return figure, flips


def _differences(
    output: OutputSpec, before: NDArray[np.float64], after: NDArray[np.float64], targets: NDArray[Any]
) -> list[Figure]:
    if output.kind == "regression":
        errors = np.abs(after - targets) - np.abs(before - targets)
        columns = enumerate(names_of_columns(output))
        return [mean("mae", errors[:, column], label=label, unit=output.unit) for column, label in columns]
    items = auc_differences(one_vs_rest(output, before, targets), one_vs_rest(output, after, targets))
    old = accuracies(output, decide(output, before), targets)
    new = accuracies(output, decide(output, after), targets)
    for first, second in zip(old, new, strict=True):
        gap = None if first.value is None or second.value is None else second.value - first.value
        items.append(Figure(first.name, gap, first.n, label=first.label, reason=first.reason))
    return items


def _notes(
    output: OutputSpec, cases: int, before: int, after: int, identical: bool, lost: NDArray[np.intp]
) -> list[str]:
    notes = []
    if identical:
        notes.append(IDENTICAL)
    if lost.size:
        names = names_of_classes(output) if output.kind == "multiclass" else names_of_columns(output)
        columns = ", ".join(names[column] for column in lost)
        told = f" ({columns})" if columns else ""
        notes.append(
            f"what does not vary in the original{told} differs in the artefact: the SNR is minus infinity"
        )
    if few := few_scores(before, after):
        notes.append(few)
    elif before < min(FEW_SCORES, cases):
        notes.append(
            f"the original gives only {before} distinct scores on {cases} cases: AUC counts ties half"
        )
    return notes
