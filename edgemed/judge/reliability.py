"""Reliability diagrams: whether of the cases called 80 % positive 80 % are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.level import LEVEL
from edgemed.judge.scores import as_scores, as_targets, one_vs_rest
from edgemed.types import OutputSpec
from edgemed.types.verdict import Reliability

_MOST_BINS = 10
_FEWEST_PER_BIN = 10
"""Below, a bin's interval spans half of the diagram."""


def reliability(
    model: str, output: OutputSpec, probabilities: NDArray[Any], targets: NDArray[Any]
) -> tuple[Reliability, ...]:
    """One diagram per question of `one_vs_rest`, of probabilities (N, columns) and `Sample.targets`, stacked.

    Bins hold about equally many cases, at most 10 bins and at least about 10 cases in each; equal
    probabilities share a bin. Intervals are Wilson's. `ece` is the mean distance of observed shares and
    predicted probabilities, weighted by cases; it depends on the bins and is biased upwards, so it describes
    and decides nothing. Empty for regression. Raises `BadInput` as `as_scores` and `as_targets` do.
    """
    if output.kind == "regression":
        return ()
    scores = as_scores(output, probabilities)
    wanted = as_targets(output, targets, len(scores))
    return tuple(
        _diagram(model, output.name, label, column, positive)
        for label, column, positive in one_vs_rest(output, scores, wanted)
    )


def _diagram(
    model: str, output: str, label: str, scores: NDArray[np.float64], positive: NDArray[np.bool_]
) -> Reliability:
    from scipy.stats import binomtest

    bins = _equal_mass(scores)
    predicted = [float(scores[each].mean()) for each in bins]
    observed = [float(positive[each].mean()) for each in bins]
    counts = [int(each.sum()) for each in bins]
    bounds = [
        binomtest(int(positive[each].sum()), count).proportion_ci(LEVEL, method="wilson")
        for each, count in zip(bins, counts, strict=True)
    ]
    return Reliability(
        model, output, label, tuple(predicted), tuple(observed),
        tuple(float(each.low) for each in bounds), tuple(float(each.high) for each in bounds), tuple(counts),
        ece=float(np.average(np.abs(np.subtract(observed, predicted)), weights=counts)),
    )  # fmt: skip


def _equal_mass(scores: NDArray[np.float64]) -> list[NDArray[np.bool_]]:
    """Masks (N,) of the bins, lowest scores first, none of them empty."""
    wanted = min(_MOST_BINS, max(1, len(scores) // _FEWEST_PER_BIN))
    starts = np.sort(scores)[np.arange(wanted) * len(scores) // wanted]
    numbers = np.searchsorted(np.unique(starts), scores, side="right")
    return [numbers == number for number in np.unique(numbers)]
