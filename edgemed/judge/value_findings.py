"""What a comparison of two regressions on the same cases finds: shift, errors and agreement."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.class_findings import FEW
from edgemed.judge.estimate import Estimate
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
    Savage, Ann. Math. Statist. 27 (1956) 1115-1122).
    """
    for c, label in enumerate(names_of_columns(output)):
        truth = both.targets[:, c]
        old, new = both.before[:, c] - truth, both.after[:, c] - truth
        largest = largest_change(both, c)
        shift = mean_difference(old, new, both.alpha, both.groups, largest=largest)
        yield _finding("bias", label, len(truth), None if shift is None else _sized(shift))
        sizes = np.abs(old), np.abs(new)
        error = mean_difference(*sizes, both.alpha, both.groups, sign=-1, largest=largest)
        yield _finding("mae", label, len(truth), error)
        if np.ptp(truth) == 0:
            yield Finding("r2", label, len(truth), None, "all targets are equal")
        else:
            yield _finding("r2", label, len(truth), _r2(truth, old, new, largest, both))


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


def _finding(metric: str, label: str, n: int, estimate: Estimate | None) -> Finding:
    return Finding(metric, label, n, estimate, "" if estimate else FEW)


def _sized(shift: Estimate) -> Estimate:
    """Minus the size of a shift; its bounds hold the sizes between those of the shift."""
    sizes = abs(shift.low), abs(shift.high)
    nearest = 0.0 if shift.low <= 0.0 <= shift.high else min(sizes)
    return dataclasses.replace(
        shift, difference=-abs(shift.difference), low=-max(sizes), high=0.0 - nearest, two_sided=True
    )


def _r2(truth: Array, old: Array, new: Array, largest: float, both: Compared) -> Estimate | None:
    """From the shares of the cases in the ratio of sums (infinitesimal jackknife, Efron 1981)."""
    squares = (truth - truth.mean()) ** 2
    whole = float(squares.sum())
    before, after = 1 - float(np.sum(old**2)) / whole, 1 - float(np.sum(new**2)) / whole
    shares = (old**2 - new**2 - (after - before) * squares) / whole
    worst = largest**2 * len(truth) / whole
    weight = weight_of(np.full(len(truth), 1 / len(truth)), both.groups, both.alpha)
    return from_shares(before, after, after - before, shares, both.groups, weight, both.alpha, worst)
