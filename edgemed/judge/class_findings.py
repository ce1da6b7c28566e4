"""What a comparison of two classifiers on the same cases finds: areas, decisions and probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.estimate import Estimate
from edgemed.judge.finding import Compared, Finding
from edgemed.judge.paired_auc import paired_aucs
from edgemed.judge.paired_means import macro_difference, mean_difference, share_difference
from edgemed.judge.scores import EPSILON, decide, names_of_classes, names_of_columns
from edgemed.types import OutputSpec

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
FEW = "a single case or group: its spread is not known"
ONE_KIND = "a single positive or negative case, or group with one: its spread is not known"


def class_findings(output: OutputSpec, both: Compared) -> Iterator[Finding]:
    """AUC, sensitivity and specificity of each question, then accuracy, Brier score and log loss.

    Binary: one question, labelled "". Multiclass: the macro mean, then each class against the rest.
    Multilabel: each label, which also has a Brier score and log loss of its own; accuracy is the share of
    cases with every label right. The Brier score is the mean squared distance of probability and truth
    (multiclass: half its sum over classes), so it lies between 0 and 1. Both models decide at the output's
    one threshold.
    """
    labels, wanted = _truths(output, both)
    old, new = (_called(output, scores, wanted) for scores in (both.before, both.after))
    usable = [c for c in range(len(labels)) if wanted[:, c].any() and not wanted[:, c].all()]
    aucs = _aucs(both, wanted, usable)
    if output.kind == "multiclass" and usable:
        told = "" if len(usable) == len(labels) else f"mean of the {len(usable)} of {len(labels)} classes"
        yield from _macro(both, wanted, old, new, usable, aucs[-1], told)
    for c, label in enumerate(labels):
        if c in usable:
            auc = aucs[usable.index(c)]
            yield Finding("auc", label, len(wanted), auc, "" if auc else ONE_KIND)
        else:
            kind = "negative" if wanted[:, c].any() else "positive"
            yield Finding("auc", label, len(wanted), None, f"no {kind} case")
        yield _decided("sensitivity", label, both, wanted[:, c], old[:, c], new[:, c])
        yield _decided("specificity", label, both, ~wanted[:, c], ~old[:, c], ~new[:, c])
    right = [np.asarray((called == wanted).all(axis=1)) for called in (old, new)]
    yield _decided("accuracy", "", both, np.ones(len(wanted), bool), *right)
    columns = [[c] for c in range(len(labels))] if output.kind == "multilabel" else [list(range(len(labels)))]
    for each in columns:
        label = labels[each[0]] if output.kind == "multilabel" else ""
        yield from _proper(output, label, both, wanted[:, each], each)


def _truths(output: OutputSpec, both: Compared) -> tuple[tuple[str, ...], Mask]:
    """Labels of the questions and, (n, questions), which cases are positive."""
    if output.kind == "binary":
        return ("",), (both.targets == 1)[:, None]
    if output.kind == "multiclass":
        return names_of_classes(output), both.targets[:, None] == np.arange(output.columns)
    return names_of_columns(output), both.targets == 1


def _called(output: OutputSpec, scores: Array, wanted: Mask) -> Mask:
    """(n, questions): which cases are called positive."""
    decisions = decide(output, scores)
    if output.kind == "multiclass":
        return np.asarray(decisions == np.arange(wanted.shape[1]))
    return np.asarray(decisions == 1)


def _aucs(both: Compared, wanted: Mask, columns: list[int]) -> list[Estimate | None]:
    questions = [(both.before[:, c], both.after[:, c], wanted[:, c]) for c in columns]
    return paired_aucs(questions, both.alpha, both.groups, both.draws, both.seed) if columns else []


def _decided(metric: str, label: str, both: Compared, counted: Mask, old: Mask, new: Mask) -> Finding:
    """`counted` (n,): the cases that the figure is of; `old` and `new`: which decisions are right there."""
    n = int(counted.sum())
    if not n:
        return Finding(
            metric, label, 0, None, f"no {'negative' if metric == 'specificity' else 'positive'} case"
        )
    part = both.part(counted)
    found = share_difference(old[counted], new[counted], both.alpha, part.groups)
    return Finding(metric, label, n, found, "" if found else FEW)


def _macro(
    both: Compared,
    wanted: Mask,
    old: Mask,
    new: Mask,
    usable: list[int],
    auc: Estimate | None,
    told: str,
) -> Iterator[Finding]:
    yield Finding("auc", "macro", len(wanted), auc, told if auc else ONE_KIND)
    for metric, counted in (("sensitivity", wanted), ("specificity", ~wanted)):
        mask = counted[:, usable]
        cases = np.asarray(mask.any(axis=1))
        part = both.part(cases)
        before, after = ((called == wanted)[cases][:, usable].astype(float) for called in (old, new))
        found = macro_difference(before, after, mask[cases], part.targets, both.alpha, part.groups)
        yield Finding(metric, "macro", int(cases.sum()), found, told if found else FEW)


def _proper(
    output: OutputSpec, label: str, both: Compared, wanted: Mask, columns: list[int]
) -> Iterator[Finding]:
    """The proper scoring rules: lower is better."""
    halves = 2.0 if output.kind == "multiclass" else 1.0
    old, new = both.before[:, columns], both.after[:, columns]
    squares = [((scores - wanted) ** 2).sum(axis=1) / halves for scores in (old, new)]
    losses = [_log_losses(scores, wanted, output.kind == "multiclass") for scores in (old, new)]
    n, alpha, groups = len(wanted), both.alpha, both.groups
    for metric, (before, after), largest in (
        ("brier", squares, 1.0),
        ("log_loss", losses, -math.log(EPSILON)),
    ):
        found = mean_difference(before, after, alpha, groups, sign=-1, largest=largest)
        yield Finding(metric, label, n, found, "" if found else FEW)


def _log_losses(scores: Array, wanted: Mask, exclusive: bool) -> Array:
    clipped = np.clip(scores, EPSILON, 1 - EPSILON)
    truth = np.where(wanted, clipped, 1.0 if exclusive else 1 - clipped)
    losses: Array = -np.log(truth).sum(axis=1)
    return losses
