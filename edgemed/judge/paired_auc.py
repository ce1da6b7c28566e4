"""Paired difference of areas under ROC curves: DeLong's interval, or a bootstrap over groups of cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.auc import influence
from edgemed.judge.estimate import Estimate, Groups, clustered, sums_of_groups
from edgemed.judge.paired_means import heaviest
from edgemed.judge.unseen import WITH_ROOM, half_width

AT_ONCE = 8_000_000
"""Weights of cases that are held in memory at a time."""

Array = NDArray[np.float64]
Question = tuple[Array, Array, NDArray[np.bool_]]
"""Scores of the original (n,), of the artefact (n,), and which cases are positive: some are, some not."""


def paired_aucs(
    questions: Sequence[Question], alpha: float, groups: Groups, draws: int, seed: int
) -> list[Estimate | None]:
    """The difference of each AUC and, where there are several questions about the same cases, of their mean.

    DeLong's error for two models on the same cases, see `edgemed.judge.auc.influence`; in groups, the
    standard deviation over `draws` bootstrap samples of groups. None where a question has a single positive
    or negative case, or a single group with such.
    """
    drawn = _bootstrap(questions, groups, draws, seed) if groups is not None and clustered(groups) else None
    parts = [[k] for k in range(len(questions))]
    return [
        _estimate([questions[k] for k in each], alpha, groups, None if drawn is None else drawn[:, each])
        for each in (parts if len(parts) == 1 else [*parts, list(range(len(parts)))])
    ]


def _estimate(
    questions: Sequence[Question], alpha: float, groups: Groups, drawn: Array | None
) -> Estimate | None:
    kinds = [each for *_, positive in questions for each in (positive, ~positive)]
    cases = np.arange(len(kinds[0])) if groups is None else groups
    units = min(len(np.unique(cases[each])) for each in kinds)
    if units < 2:
        return None
    old = [influence(before, positive) for before, _, positive in questions]
    new = [influence(after, positive) for _, after, positive in questions]
    shares = np.mean([b - a for (_, a), (_, b) in zip(old, new, strict=True)], axis=0)
    original, artefact = (float(np.mean([auc for auc, _ in each])) for each in (old, new))
    difference = round(artefact - original, 12)
    weights = np.mean([np.where(p, 1 / p.sum(), 1 / (~p).sum()) for *_, p in questions], axis=0)
    weight = heaviest(weights, kinds, groups, alpha)
    if drawn is None:
        error, method = float(np.sqrt(np.sum(shares**2))), "DeLong"
    else:
        error, method = float(np.nanstd(drawn.mean(axis=1), ddof=1)), "bootstrap over groups"
    half = float(half_width(error, units, weight, alpha))
    sums = sums_of_groups(shares, groups)
    return Estimate(
        original, artefact, difference, difference - half, difference + half, len(shares), method + WITH_ROOM,
        difference + len(sums) * sums, weight,
    )  # fmt: skip


def _bootstrap(questions: Sequence[Question], groups: NDArray[np.int64], draws: int, seed: int) -> Array:
    """(draws, questions) differences of samples of as many groups, drawn with replacement; NaN without a
    class."""
    numbers, group = np.unique(groups, return_inverse=True)
    sorted_once = [_sorted(each) for each in questions]
    random = np.random.default_rng(seed)
    step = max(1, AT_ONCE // len(group))
    found: list[Array] = []
    for start in range(0, draws, step):
        picked = [random.integers(len(numbers), size=len(numbers)) for _ in range(min(step, draws - start))]
        times = [np.bincount(each, minlength=len(numbers)) for each in picked]
        weights = np.stack(times, axis=1).astype(np.float32)[group]
        found.append(np.stack([_weighted(each, weights) for each in sorted_once], axis=1))
    return np.concatenate(found)


_Sorted = tuple[NDArray[np.intp], tuple[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], ...]]
"""Positive cases, and of each model: negative cases by score, how many lie below a positive, and up to it."""


def _sorted(question: Question) -> _Sorted:
    *models, positive = question
    ranks = []
    for scores in models:
        order = np.flatnonzero(~positive)
        order = order[np.argsort(scores[order], kind="stable")]
        below, up_to = (np.searchsorted(scores[order], scores[positive], side) for side in ("left", "right"))
        ranks.append((order, below, up_to))
    return np.flatnonzero(positive), tuple(ranks)


def _weighted(question: _Sorted, weights: NDArray[np.float32]) -> Array:
    """AUC of the second model minus the first's by weights (n, draws): (draws,), NaN without a class."""
    sick, models = question
    won = []
    for order, below, up_to in models:
        passed = np.zeros((len(order) + 1, weights.shape[1]), np.float32)
        np.cumsum(weights[order], axis=0, out=passed[1:])
        ties = below != up_to
        beaten = passed[below]
        beaten[ties] = (beaten[ties] + passed[up_to[ties]]) / 2
        won.append(beaten)
    heavy = weights[sick]
    pairs = heavy.sum(axis=0, dtype=np.float64) * passed[-1]
    gain = np.einsum("ij,ij->j", heavy, won[1] - won[0]).astype(np.float64)
    found: Array = np.divide(gain, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return found
