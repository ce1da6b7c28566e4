"""Area under the ROC curve with the variance of DeLong, which neither scipy nor scikit-learn has."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.level import LEVEL
from edgemed.types.figures import Figure

Question = tuple[str, NDArray[np.float64], NDArray[np.bool_]]
_CHANCE = 0.5
_ONE_IN_1000 = -3.09
"""Standard deviations."""


def influence(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """AUC and each case's share in its error, for scores (N,) and positive (N,) with m >= 1, n >= 1.

    The spread of a single positive or negative case is not known: shares are NaN where m or n is 1.

    With the structural components V of DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845,
    found from midranks as in Sun and Xu, IEEE Signal Processing Letters 21 (2014) 1389-1393, a positive case
    has the influence (V10 - AUC) / sqrt(m (m - 1)) and a negative one (V01 - AUC) / sqrt(n (n - 1)). The sum
    of squares is DeLong's variance; for two models on the same cases the sum of squares of the difference is
    their variance of the AUC difference. The mean of several one-vs-rest influences gives the variance of a
    macro AUC the same way (infinitesimal jackknife: Efron, Biometrika 68 (1981) 589-599).
    """
    from scipy.stats import rankdata

    m, n = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    shares = np.empty(len(scores))
    shares[positive] = (ranks[positive] - rankdata(scores[positive])) / n
    shares[~positive] = 1.0 - (ranks[~positive] - rankdata(scores[~positive])) / m
    auc = float(shares[positive].mean())
    if min(m, n) < 2:
        return auc, np.full(len(scores), np.nan)
    scale = np.where(positive, np.sqrt(m * (m - 1)), np.sqrt(n * (n - 1)))
    return auc, (shares - auc) / scale


def is_surely_reversed(auc: float, counts: Sequence[int]) -> bool:
    """Whether chance gives so low an AUC in fewer than 1 of 1000 sets of so many cases of each class.

    By the normal approximation of U: Mann and Whitney, Annals of Mathematical Statistics 18 (1947) 50-60.
    """
    m, n = counts
    return (auc - _CHANCE) / math.sqrt((m + n + 1) / (12 * m * n)) < _ONE_IN_1000


def auc_figures(questions: Sequence[Question]) -> list[Figure]:
    """AUC of each question, after their macro mean where there is more than one."""
    parts = [_parts(question) for question in questions]
    singles = [
        _figure("auc", label, auc, shares, bounded=True)
        if shares is not None
        else _undefined(label, positive)
        for (label, _, positive), (auc, shares) in zip(questions, parts, strict=True)
    ]
    if len(questions) == 1:
        return singles
    known = [(auc, shares) for auc, shares in parts if shares is not None]
    if not known:
        cases = len(questions[0][2])
        return [Figure("auc", None, cases, label="macro", reason="no class has both kinds"), *singles]
    auc, shares = _macro(known)
    reason = "" if len(known) == len(parts) else f"mean of the {len(known)} of {len(parts)} that are defined"
    return [_figure("auc", "macro", auc, shares, bounded=True, reason=reason), *singles]


def auc_differences(original: Sequence[Question], artefact: Sequence[Question]) -> list[Figure]:
    """AUC of the artefact minus that of the original, with the paired DeLong interval; as `auc_figures`."""
    befores, afters = [_parts(each) for each in original], [_parts(each) for each in artefact]
    figures, known_before, known_after = [], [], []
    for (label, _, positive), (auc, shares), (after, shares_after) in zip(
        original, befores, afters, strict=True
    ):
        if shares is None or shares_after is None:
            figures.append(_undefined(label, positive))
            continue
        known_before.append((auc, shares))
        known_after.append((after, shares_after))
        figures.append(_figure("auc", label, _less(after, auc), shares_after - shares))
    if len(original) == 1:
        return figures
    if not known_before:
        return [Figure("auc", None, len(original[0][2]), label="macro", reason="no class has both"), *figures]
    (auc, shares), (after, shares_after) = _macro(known_before), _macro(known_after)
    return [_figure("auc", "macro", _less(after, auc), shares_after - shares), *figures]


def _less(after: float, before: float) -> float:
    """Their difference, without what rounding adds to it."""
    return round(after - before, 12)


def _parts(question: Question) -> tuple[float, NDArray[np.float64] | None]:
    _, scores, positive = question
    return (0.0, None) if positive.all() or not positive.any() else influence(scores, positive)


def _macro(parts: Sequence[tuple[float, NDArray[np.float64]]]) -> tuple[float, NDArray[np.float64]]:
    return float(np.mean([auc for auc, _ in parts])), np.mean([shares for _, shares in parts], axis=0)


def _figure(
    name: str,
    label: str,
    value: float,
    shares: NDArray[np.float64],
    *,
    bounded: bool = False,
    reason: str = "",
) -> Figure:
    from scipy.stats import norm

    error = float(np.sqrt(np.sum(shares**2)))
    if np.isnan(error) or error < 1e-12:
        why = "one positive or one negative case only" if np.isnan(error) else "DeLong's error is 0"
        told = "; ".join(each for each in (reason, f"{why}: no interval") if each)
        return Figure(name, value, len(shares), label=label, reason=told)
    half = float(norm.ppf((1 + LEVEL) / 2)) * error
    low, high = value - half, value + half
    if bounded:
        low, high = max(0.0, low), min(1.0, high)
    return Figure(name, value, len(shares), low, high, label, method="DeLong", reason=reason)


def _undefined(label: str, positive: NDArray[np.bool_]) -> Figure:
    kind = "positive" if positive.all() else "negative"
    return Figure("auc", None, len(positive), label=label, reason=f"every case is {kind}")
