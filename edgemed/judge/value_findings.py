"""What a comparison of two regressions on the same cases finds: shift, errors and agreement."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.class_findings import FEW
from edgemed.judge.estimate import Estimate, Groups
from edgemed.judge.finding import Compared, Finding
from edgemed.judge.level import LEVEL
from edgemed.judge.paired_means import from_shares, mean_difference
from edgemed.judge.scores import names_of_columns
from edgemed.judge.unseen import weight_of
from edgemed.types import Figure, LimitsOfAgreement, OutputSpec

Array = NDArray[np.float64]
SPAN = 1.96
"""Standard deviations that the limits of agreement lie from the mean difference."""


def value_findings(output: OutputSpec, both: Compared) -> Iterator[Finding]:
    """Bias, MAE and R2 of each column.

    The bias is held to its margin by two one-sided tests (TOST: Schuirmann, J. Pharmacokin. Biopharm. 15
    (1987) 657-680): a shift either way is a loss. A change that was not seen is taken to be at most
    `largest_change`. Some bound there must be: without one, no test of a mean has any power (Bahadur and
    Savage, Ann. Math. Statist. 27 (1956) 1115-1122). That is for proofs: the bound that refutes is Student's
    alone, or a shift of every case would be lost in what might be.
    """
    for c, label in enumerate(names_of_columns(output)):
        truth = both.targets[:, c]
        old, new = both.before[:, c] - truth, both.after[:, c] - truth
        largest = largest_change(both, c)
        shifts = [mean_difference(old, new, both.alpha, both.groups, largest=size) for size in (largest, 0.0)]
        yield _finding("bias", label, len(truth), _sized(*shifts))
        sizes = np.abs(old), np.abs(new)
        errors = [
            mean_difference(*sizes, both.alpha, both.groups, sign=-1, largest=size) for size in (largest, 0.0)
        ]
        yield _finding("mae", label, len(truth), _refutable(*errors))
        if np.ptp(truth) == 0:
            yield Finding("r2", label, len(truth), None, "all targets are equal")
        else:
            both_r2 = [
                paired_r2(truth, old, new, both.alpha, both.groups, largest=size) for size in (largest, 0.0)
            ]
            yield _finding("r2", label, len(truth), _refutable(*both_r2))


def largest_change(both: Compared, column: int) -> float:
    """Between any two values that there are: targets and answers of both models on all these cases."""
    values = [each[:, column] for each in (both.targets, both.before, both.after)]
    return float(np.ptp(np.concatenate(values)))


def bound_of_changes(output: OutputSpec, both: Compared) -> str:
    """What the proofs assume of changes that were not seen, in words."""
    sizes = [
        f"{label} {largest_change(both, c):.4g} {output.unit}".strip()
        for c, label in enumerate(names_of_columns(output))
    ]
    return (
        f"{output.name}: a change that was not seen is taken to be at most {', '.join(sizes)}, the range of "
        "all labels and answers; what a larger one would cost is not covered"
    )


def limits_of_agreement(output: OutputSpec, both: Compared) -> Iterator[LimitsOfAgreement]:
    """Of each column, artefact minus original; none below two cases or groups.

    Bland and Altman, Lancet 327 (1986) 307-310; the error of a limit is s sqrt(1/n + 1.96^2 / (2 (n - 1)))
    as in Statistical Methods in Medical Research 8 (1999) 135-160. In groups, the n of errors is theirs.
    """
    from scipy.special import stdtrit

    n = len(both.before) if both.groups is None else len(np.unique(both.groups))
    if n < 2:
        return
    reach = float(stdtrit(n - 1, (1 + LEVEL) / 2))
    for c, label in enumerate(names_of_columns(output)):
        gaps = both.after[:, c] - both.before[:, c]
        mean, spread = float(gaps.mean()), float(gaps.std(ddof=1))
        errors = (spread * (1 / n) ** 0.5, spread * (1 / n + SPAN**2 / (2 * (n - 1))) ** 0.5)

        def figure(name: str, value: float, error: float, label: str = label, n: int = len(gaps)) -> Figure:
            half = reach * error
            return Figure(name, value, n, value - half, value + half, label, output.unit, "Bland-Altman")

        yield LimitsOfAgreement(
            output.name,
            figure("mean difference", mean, errors[0]),
            figure("lower limit of agreement", mean - SPAN * spread, errors[1]),
            figure("upper limit of agreement", mean + SPAN * spread, errors[1]),
        )


def paired_r2(
    truth: Array,
    old: Array,
    new: Array,
    alpha: float,
    groups: Groups = None,
    *,
    largest: float = 0.0,
) -> Estimate | None:
    """Of errors `old` and `new` (n,) of values `truth` that differ; `largest` is a change not seen.

    From the shares of the cases in the ratio of sums (infinitesimal jackknife, Efron 1981).
    """
    squares = (truth - truth.mean()) ** 2
    whole = float(squares.sum())
    before, after = 1 - float(np.sum(old**2)) / whole, 1 - float(np.sum(new**2)) / whole
    shares = (old**2 - new**2 - (after - before) * squares) / whole
    worst = largest**2 * len(truth) / whole
    weight = weight_of(np.full(len(truth), 1 / len(truth)), groups, alpha)
    return from_shares(before, after, after - before, shares, groups, weight, alpha, worst)


def _finding(metric: str, label: str, n: int, estimate: Estimate | None) -> Finding:
    return Finding(metric, label, n, estimate, "" if estimate else FEW)


def _refutable(wide: Estimate | None, seen: Estimate | None) -> Estimate | None:
    """The lower bound with room for what was not seen, the upper bound without."""
    return None if wide is None or seen is None else dataclasses.replace(wide, high=seen.high)


def _sized(wide: Estimate | None, seen: Estimate | None) -> Estimate | None:
    """Minus the size of a shift; its bounds hold the sizes between those of the shift."""
    if wide is None or seen is None:
        return None
    farthest = max(abs(wide.low), abs(wide.high))
    nearest = 0.0 if seen.low <= 0.0 <= seen.high else min(abs(seen.low), abs(seen.high))
    return dataclasses.replace(
        wide, difference=-abs(wide.difference), low=-farthest, high=0.0 - nearest, two_sided=True
    )
