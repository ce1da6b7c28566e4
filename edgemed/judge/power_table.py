"""How many cases a proof takes, metric by metric, before there is anything to prove."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.margins import OF_CLASSES, OF_VALUES
from edgemed.judge.power import SHARE, Rule, cases_for_share, power_of
from edgemed.judge.unseen import fewest_units, half_width
from edgemed.types import JudgeSpec, Kind, Record

FLIPS = (0.0, 0.005, 0.01, 0.02, 0.05)
"""Shares of changed cases that are told where none is asked for."""
WANTED = 0.8
_ROUNDING = 1e-9
"""What is left where 3 times a third should be 1."""

Counted = Literal["positives", "negatives", "smaller class", "cases"]

_OF_QUESTION: dict[str, Counted] = {
    "sensitivity": "positives",
    "specificity": "negatives",
    "auc": "smaller class",
}
_NOT_KNOWN_BEFORE = ("log_loss", "bias", "mae", "r2")


@dataclass(frozen=True)
class ClassCases:
    """Cases of one output of a labelled set, and how many of them are positive, by class or label ("" for a
    binary output). A number is None where there is no set, then of a binary output. `negatives` are all other
    cases where they are left out. Where cases are of groups these are numbers of groups (`count_of`), and
    `grouped` is the number of cases."""

    output: str
    positives: dict[str, int | None]
    cases: int | None
    kind: Kind = "binary"
    negatives: dict[str, int] | None = None
    grouped: int | None = None

    def negatives_of(self, label: str) -> int | None:
        positives = self.positives[label]
        if self.negatives is not None:
            return self.negatives[label]
        return None if positives is None or self.cases is None else self.cases - positives


NO_SET = ClassCases("", {"": None}, None)


class Need(Record):
    """What one metric takes where a share `flips` of the cases changes: `cases` of the kind `counted`.

    `cases` is None where more than `MOST_CASES` would be. `have` is their number in the set, `power` the
    probability of a proof with these, 0 where they are too few for the gate to begin; None without a set.
    """

    output: str
    label: str
    metric: str
    margin: float
    counted: Counted
    flips: float
    cases: int | None
    have: int | None
    power: float | None


class Together(Record):
    """The least probability that every figure in the table is proven where a share `flips` changes."""

    flips: float
    power: float


class PowerTable(Record):
    """`needs` at the one-sided `alpha` for the power `wanted`; `together` is empty without a set."""

    alpha: float
    wanted: float
    needs: tuple[Need, ...]
    together: tuple[Together, ...]
    notes: tuple[str, ...] = ()


def power_table(
    spec: JudgeSpec,
    sets: Sequence[ClassCases] = (NO_SET,),
    flips: Sequence[float] = FLIPS,
    wanted: float = WANTED,
) -> PowerTable:
    """Every figure that a verdict holds to a margin, for each share of changed cases.

    The artefact is taken to be as good as the original: half of the changes lose a case, half win one. For
    sensitivity, specificity and accuracy a change is another decision, and the power is exact (`power_of`).
    For AUC, Brier score and means over classes a change is taken to cost or gain the case's whole weight, as
    if the score fell from best to worst, and is judged as a mean is (`proves_mean`): few changes are so
    large, so these numbers are on the safe side. The AUC is counted on the smaller class, whose cases weigh
    most, and a mean over classes as if all cases weighed like the heaviest. That every figure is proven has
    at least the probability 1 minus the sum of what each lacks (Bonferroni); metrics that are only noted are
    not in it. Raises `BadInput` where no metric has a margin whose cases can be told, and for shares and
    powers that are none.
    """
    for share in flips:
        if not 0 <= share <= 1:
            raise BadInput(
                f"{share:g} is no share of the cases", where="flips", remedy="write .01 for one in a hundred"
            )

    @cache
    def cases_of(share: float, margin: float, rule: Rule) -> int | None:
        return cases_for_share(share / 2, share / 2, margin, spec.alpha, wanted, rule)

    @cache
    def power_with(have: int, share: float, margin: float, rule: Rule) -> float:
        if have < rule.fewest(margin, spec.alpha):
            return 0.0
        return power_of(have, share / 2, share / 2, margin, spec.alpha, rule)

    needs = []
    for output, each, margin in _asked(spec, sets):
        for share in dict.fromkeys(flips):
            units = None if each.have is None else math.floor(each.have * each.like + _ROUNDING)
            reached = None if units is None else power_with(units, share, margin, each.rule)
            cases = cases_of(share, margin, each.rule)
            cases = None if cases is None else math.ceil(cases / each.like - _ROUNDING)
            needs.append(
                Need(output, each.label, each.metric, margin, each.counted, share, cases, each.have, reached)
            )
    if not needs and all(each.kind == "regression" for each in sets):
        raise BadInput(
            "every output is a regression: what one case costs is not known before the model has answered",
            where="power",
            remedy="edgemed compile: a verdict that falls short tells the cases that it would take",
        )
    if not needs:
        raise BadInput(
            "no metric of decisions or probabilities has a margin",
            where="judge.margins",
            remedy="edgemed power --margin sensitivity=.05",
        )
    return PowerTable(spec.alpha, wanted, tuple(needs), _together(needs), tuple(_notes(spec, sets)))


def proves_mean(better: Any, worse: Any, n: Any, margin: float, alpha: float) -> NDArray[np.bool_]:
    """Whether a loss below `margin` is proven of a mean over n >= 2 cases to which `better` add 1 and `worse`
    -1, all others nothing: Student's interval with room for changes that were not seen."""
    mean = (better - worse) / n
    error = np.sqrt(np.maximum((better + worse) / n - mean**2, 0.0) / (n - 1))
    return np.asarray(mean - half_width(error, n, 1 / n, alpha) > -margin)


MEAN = Rule(proves_mean, fewest_units)


@dataclass(frozen=True)
class _Figure:
    """What a verdict has a figure of, and how many cases decide it, each `like` so many of equal weight."""

    metric: str
    label: str
    rule: Rule
    counted: Counted
    have: int | None
    like: float = 1.0


def _asked(spec: JudgeSpec, sets: Sequence[ClassCases]) -> Iterator[tuple[str, _Figure, float]]:
    """Output, figure and margin."""
    for each in sets:
        margins = spec.margins_of(each.output).to_dict()
        if each.kind == "regression":
            continue
        for figure in (*_of_questions(each), *_macro(each), *_of_output(each)):
            if margins[figure.metric] is not None:
                yield each.output, figure, margins[figure.metric]


def _of_questions(each: ClassCases) -> Iterator[_Figure]:
    for label, positives in each.positives.items():
        for metric, counted in _OF_QUESTION.items():
            rule = MEAN if metric == "auc" else SHARE
            yield _Figure(metric, label, rule, counted, _have(counted, positives, each.negatives_of(label)))


def _of_output(each: ClassCases) -> Iterator[_Figure]:
    yield _Figure("accuracy", "", SHARE, "cases", each.cases)
    for label in each.positives if each.kind == "multilabel" else ("",):
        yield _Figure("brier", label, MEAN, "cases", each.cases)


def _macro(each: ClassCases) -> Iterator[_Figure]:
    """Means over the classes that have cases, as `class_findings` gives them."""
    if each.kind != "multiclass" or each.cases is None:
        return
    n = each.cases
    usable = [
        (count, others)
        for label, count in each.positives.items()
        if count and (others := each.negatives_of(label))
    ]
    if not usable:
        return
    counts, rest = np.array(usable, float).T
    # A case counts in the sensitivity of its own class and in the specificity of all others.
    of_own = 1 / counts / counts.size
    of_others = (np.sum(1 / rest) - 1 / rest) / counts.size
    weights = {"auc": of_own + of_others, "sensitivity": of_own, "specificity": of_others}
    for metric, weight in weights.items():
        yield _Figure(metric, "macro", MEAN, "cases", n, 1 / float(weight.max()) / n)


def _have(counted: Counted, positives: int | None, negatives: int | None) -> int | None:
    if positives is None or negatives is None:
        return None
    known = {"positives": positives, "negatives": negatives, "smaller class": min(positives, negatives)}
    return known[counted]


def _together(needs: Sequence[Need]) -> tuple[Together, ...]:
    lacking: dict[float, float] = {}
    for each in needs:
        if each.power is not None:
            lacking[each.flips] = lacking.get(each.flips, 0.0) + 1 - each.power
    return tuple(Together(flips, max(0.0, 1 - lack)) for flips, lack in lacking.items())


def _notes(spec: JudgeSpec, sets: Sequence[ClassCases]) -> Iterator[str]:
    for each in sets:
        if each.grouped is not None and each.grouped != each.cases:
            yield f"{each.output}: {each.grouped} cases count as {each.cases} patients, and these are counted"
    for metric in _NOT_KNOWN_BEFORE:
        asked = [spec.margins_of(each.output).to_dict()[metric] for each in sets if _has(each, metric)]
        if any(margin is not None for margin in asked):
            yield (
                f"{metric}: what one case costs is not known before, so it is not in the probability of all; "
                "a verdict that falls short tells the cases"
            )


def _has(each: ClassCases, metric: str) -> bool:
    return metric in (OF_VALUES if each.kind == "regression" else OF_CLASSES)
