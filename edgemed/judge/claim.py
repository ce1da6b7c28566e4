"""How likely it is that a claim of a better model is false.

Christodoulou et al., "False Promises in Medical Imaging AI? Assessing Validity of Outperformance Claims"
(2025), arXiv:2505.04720. Told beside the gate: two equal models give one half, whatever the number of cases,
so it cannot tell "no worse" from "not known".
"""

from __future__ import annotations

import math
from typing import Literal

from edgemed.errors import BadInput
from edgemed.types.record import Record

Overlap = Literal["counted", "given", "fewest in common", "independent", "most in common"]
"""Where the share of cases that both have right comes from."""
_ROUNDING = 1e-9
"""What is left where .93 - .9 should be .03."""


class Claim(Record):
    """The claim "A is more accurate than B", and `false`, the probability that it is false.

    `only_a` and `only_b` are the cases that only one of the two has right, fractions of cases where they come
    from published figures; `congruence` the share that both have right, None where it is not known.
    """

    only_a: float
    only_b: float
    false: float
    overlap: Overlap
    congruence: float | None = None
    n: int | None = None


def claim_false(only_a: float, only_b: float) -> float:
    """The probability, given `only_a` and `only_b`, that A does not have more cases right than B.

    With a flat Dirichlet prior on the four cells of the paired table, the two discordant ones and the rest
    have the posterior Dirichlet(only_a + 1, only_b + 1, n - only_a - only_b + 2). The share of the first in
    the sum of both is then Beta(only_a + 1, only_b + 1) for any n, so this is its distribution function at
    one half. Raises `BadInput` for a number below 0.
    """
    from scipy.special import betainc

    for count, where in ((only_a, "only A right"), (only_b, "only B right")):
        if not 0 <= count < math.inf:
            raise BadInput(f"{count:g} is no number of cases, 0 or more", where=where)
    return float(betainc(only_a + 1.0, only_b + 1.0, 0.5))


def claim_of_counts(only_a: float, only_b: float) -> Claim:
    """From the discordant cells of a paired table."""
    return Claim(only_a, only_b, claim_false(only_a, only_b), "counted")


def claim_of_figures(acc_a: float, acc_b: float, n: int, congruence: float) -> Claim:
    """From published accuracies on the same `n` cases and the share of them that both models have right.

    Only A right are n (acc_a - congruence) cases, only B n (acc_b - congruence). Raises `BadInput` where no
    paired table has these shares.
    """
    fewest, most = _bounds(acc_a, acc_b, n)
    if not fewest - _ROUNDING <= congruence <= most + _ROUNDING:
        raise BadInput(
            f"{congruence:g} of the cases cannot be right in both models: with accuracies of {acc_a:g} and "
            f"{acc_b:g} it is {fewest:.6g} to {most:.6g}",
            where="congruence",
            remedy="give the share of cases that both have right (not that they agree on), or leave it out",
        )
    return _claim(acc_a, acc_b, n, congruence, "given")


def claims_of_figures(acc_a: float, acc_b: float, n: int) -> tuple[Claim, Claim, Claim]:
    """The same where the share that both have right is not known: at the least that is possible, for models
    whose errors are independent, and at the most.

    The first and the last bound the probability: more in common leaves fewer cases to disagree on. Trained
    on the same data, models have more in common than independent ones.
    """
    fewest, most = _bounds(acc_a, acc_b, n)
    return (
        _claim(acc_a, acc_b, n, fewest, "fewest in common"),
        _claim(acc_a, acc_b, n, acc_a * acc_b, "independent"),
        _claim(acc_a, acc_b, n, most, "most in common"),
    )


def _bounds(acc_a: float, acc_b: float, n: int) -> tuple[float, float]:
    """The least and the most that both can have right."""
    for accuracy, where in ((acc_a, "accuracy of A"), (acc_b, "accuracy of B")):
        if not 0 <= accuracy <= 1:
            raise BadInput(
                f"{accuracy:g} is not a share from 0 to 1", where=where, remedy="write .93 for 93 %"
            )
    if n < 1:
        raise BadInput(f"{n} cases; at least 1 is needed", where="n")
    return max(0.0, acc_a + acc_b - 1), min(acc_a, acc_b)


def _claim(acc_a: float, acc_b: float, n: int, congruence: float, overlap: Overlap) -> Claim:
    only_a, only_b = (max(0.0, round(n * (each - congruence), 9)) for each in (acc_a, acc_b))
    return Claim(only_a, only_b, claim_false(only_a, only_b), overlap, congruence, n)
