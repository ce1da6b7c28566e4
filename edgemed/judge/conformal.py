"""Split conformal prediction sets: classes that a case may have, the true one among them as often as asked.

A class is in a case's set where its probability reaches a threshold (LAC: Sadinle, Lei, Wasserman, "Least
ambiguous set-valued classifiers with bounded error levels", JASA 114 (2019) 223-234). The threshold is an
order statistic of the probabilities that other cases gave their true class (Vovk, Gammerman, Shafer,
"Algorithmic learning in a random world", 2005), so that a set misses the class with a probability of at most
`level`, as long as both sets of cases were drawn alike. MAPIE, which the tests compare with, does not tell
that threshold and refuses fewer than 1 / level cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.level import LEVEL
from edgemed.judge.scores import as_scores, as_targets, names_of_classes, names_of_columns
from edgemed.types import OutputSpec
from edgemed.types.verdict import Coverage

Answers = tuple[NDArray[Any], NDArray[Any]]
"""Probabilities (N, columns) of one output, and `Sample.targets`, stacked to N rows."""

_Question = tuple[str, tuple[str, ...], NDArray[np.float64], NDArray[np.int64]]
"""Label, its classes, probabilities (N, classes) and true classes (N,)."""


def coverage(
    model: str, output: OutputSpec, level: float, selected: Answers, accepted: Answers
) -> tuple[Coverage, ...]:
    """How often sets calibrated on `selected` hold the true class of `accepted`: of all cases, then by class.

    That a class is covered less often than all together is usual, and what to look at: only the whole is
    promised. Each label of a multilabel output is a question of two classes. A class without cases is left
    out; regression gives nothing. With fewer than 1 / `level` - 1 selected cases every set holds every
    class (`threshold` 0). Raises `BadInput` as `as_scores` and `as_targets` do.
    """
    if output.kind == "regression":
        return ()
    found: list[Coverage] = []
    for before, after in zip(_questions(output, *selected), _questions(output, *accepted), strict=True):
        label, classes, probabilities, truth = after
        threshold = _threshold(before[2], before[3], level)
        sets = probabilities >= threshold
        held = np.take_along_axis(sets, truth[:, None], axis=1)[:, 0]
        parts = [(label, np.full(len(truth), True))]
        parts += [(f"{label}: {name}" if label else name, truth == c) for c, name in enumerate(classes)]
        found += [
            _coverage(model, output.name, name, level, threshold, sets[part], held[part])
            for name, part in parts
            if part.any()
        ]
    return tuple(found)


def _questions(output: OutputSpec, probabilities: NDArray[Any], targets: NDArray[Any]) -> Iterator[_Question]:
    scores = as_scores(output, probabilities)
    truth = as_targets(output, targets, len(scores))
    if output.kind == "multiclass":
        yield "", names_of_classes(output), scores, truth
        return
    labels = names_of_columns(output) if output.kind == "multilabel" else ("",)
    classes = names_of_classes(output)
    for column, (label, of_label) in enumerate(zip(labels, truth.reshape(len(scores), -1).T, strict=True)):
        yield label, classes, np.stack([1 - scores[:, column], scores[:, column]], axis=1), of_label


def _threshold(probabilities: NDArray[np.float64], truth: NDArray[np.int64], level: float) -> float:
    """The floor((n + 1) level)-th smallest probability of a true class; 0 where that is none of them."""
    rank = int((len(truth) + 1) * level)
    if rank == 0:
        return 0.0
    return float(np.sort(np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0])[rank - 1])


def _coverage(
    model: str,
    output: str,
    label: str,
    level: float,
    threshold: float,
    sets: NDArray[np.bool_],
    held: NDArray[np.bool_],
) -> Coverage:
    from scipy.stats import binomtest

    bounds = binomtest(int(held.sum()), len(held)).proportion_ci(LEVEL, method="exact")
    sizes = sets.sum(axis=1)
    return Coverage(
        model, output, label, level, threshold, len(held), float(held.mean()),
        float(bounds.low), float(bounds.high), float(sizes.mean()), float((sizes == 0).mean()),
    )  # fmt: skip
