"""Figure: one number of the networks beside that of the linear readout."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.mr.quality import MEASURES, balanced_accuracy, measure_of
from edgemed.types import OutputSpec, Record

Answers = Mapping[str, NDArray[Any]]
Measure = Callable[[NDArray[Any], NDArray[Any]], float]
Rows = NDArray[np.bool_]
Ends = tuple[float, ...]
BINS = 3
"""Cases are shown in thirds of their value, such as lesion volume."""


class Figure(Record):
    """`measure` of `head` over `cases` signals, of the networks by seed and of the linear readout.

    `snr`: of the noise that was added, None for none. `values`: the range of values of the cases, () for all.
    """

    head: str
    measure: str
    snr: float | None
    values: tuple[float, ...]
    cases: int
    networks: tuple[float, ...]
    linear: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.networks))

    @property
    def deviation(self) -> float | None:
        """Standard deviation between seeds, of a sample; None for one."""
        return float(np.std(self.networks, ddof=1)) if len(self.networks) > 1 else None


def figures(
    heads: Sequence[OutputSpec],
    truth: Mapping[str, NDArray[Any]],
    networks: Sequence[Answers],
    linear: Answers,
    snr: float | None,
) -> tuple[Figure, ...]:
    """Of each head over all cases, and by thirds of the value: a class's cases of each third against all
    controls, and the mean absolute error of the value itself where it is not 0."""
    answers = (*networks, linear)

    def figure(head: OutputSpec, measure: str, of: Measure, rows: Rows, values: Ends = ()) -> Figure:
        kept = truth[head.name][rows]
        each = [float(of(kept, one[head.name][rows])) for one in answers]
        return Figure(head.name, measure, snr, values, int(rows.sum()), tuple(each[:-1]), each[-1])

    found: list[Figure] = []
    for head in heads:
        target = truth[head.name]
        everything = np.ones(len(target), bool)
        found.append(figure(head, MEASURES[head.kind], measure_of(head), everything))
        if head.kind == "binary":
            found.append(figure(head, "balanced accuracy", balanced_accuracy, everything))
            found += [
                figure(head, "AUC", measure_of(head), rows | (target == 0), ends)
                for rows, ends in _thirds(heads, truth, target == 1)
            ]
        if head.kind == "regression":
            found += [
                figure(head, "MAE", _absolute, rows, ends)
                for rows, ends in _thirds((head,), truth, target != 0)
            ]
    return tuple(found)


def _absolute(truth: NDArray[Any], values: NDArray[Any]) -> float:
    return float(np.abs(truth - values[:, 0]).mean())


def _thirds(
    heads: Sequence[OutputSpec], truth: Mapping[str, NDArray[Any]], among: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.bool_], tuple[float, float]]]:
    """The cases of `among` in each third of the value, and its ends; fewer where many values are the same,
    none where no head has values."""
    for head in heads:
        values = truth[head.name]
        if head.kind != "regression" or among.sum() < BINS:
            continue
        edges = np.unique(np.quantile(values[among], np.linspace(0, 1, BINS + 1)))
        for low, high in itertools.pairwise(edges):
            rows = among & (values >= low) & ((values < high) | (high == edges[-1]))
            if rows.any():
                yield rows, (float(low), float(high))
