"""Stressed heads: which outputs of a model are scored against what was simulated, and how well they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.auc import is_surely_reversed
from edgemed.judge.level import LEVEL
from edgemed.judge.paired_auc import paired_aucs
from edgemed.judge.value_findings import paired_r2
from edgemed.mr.quality import auc, r2
from edgemed.types import OutputSpec, did_you_mean
from edgemed.types.stress import Metric, Stressed, StressFigure

DETECTS, MEASURES = "lesion", "lesion_ml"
"""Names by which the head that detects lesions and the one that gives their volume are known."""

Answers = Mapping[str, NDArray[np.float32]]
Scores = NDArray[np.float64]


def scored_heads(
    outputs: Sequence[OutputSpec], label: str | None = None, value: str | None = None
) -> dict[str, Metric]:
    """The head that detects, by AUC, and the one that gives mL, by R2, as far as the model has them.

    `label` and `value` name them. Else it is `lesion`, or the only binary head, and `lesion_ml`. Raises
    `BadInput` for a name that is none, a head of another kind, and where there is neither.
    """
    kinds = {spec.name: spec.kind for spec in outputs}
    binary = [name for name, kind in kinds.items() if kind == "binary"]
    detects = label or (DETECTS if DETECTS in binary else binary[0] if len(binary) == 1 else None)
    measures = value or (MEASURES if kinds.get(MEASURES) == "regression" else None)
    if label:
        _check_kind(outputs, label, "binary", "--label")
    if measures:
        _check_kind(outputs, measures, "regression", "--value" if value else "the model")
    found: dict[str, Metric] = {}
    if detects:
        found[detects] = "auc"
    if measures:
        found[measures] = "r2"
    if not found:
        raise _none_scored(kinds)
    return found


def score(
    heads: Mapping[str, Metric],
    original: Answers,
    artefacts: Mapping[str, Answers],
    lesion: NDArray[np.uint8],
    lesion_ml: NDArray[np.float64],
) -> tuple[StressFigure, ...]:
    """Each head's AUC of the cases or R2 of the volumes, of answers (n, columns) by output."""
    figures = []
    for head, metric in heads.items():
        before = _scores(original[head])
        after = {name: _scores(answers[head]) for name, answers in artefacts.items()}
        if metric == "auc":
            best, reached = _detection(lesion, before, after)
        else:
            best, reached = _volume(lesion_ml, before, after)
        figures.append(StressFigure(head, metric, best, reached))
    return tuple(figures)


def check_direction(
    figures: Sequence[StressFigure], outputs: Sequence[OutputSpec], lesion: NDArray[np.uint8]
) -> None:
    """Raises `BadInput` where the original's AUC lies surely below .5: it detects what is no lesion."""
    counts = np.bincount(lesion, minlength=2).tolist()
    for figure in figures:
        if figure.metric != "auc" or not is_surely_reversed(figure.original, counts):
            continue
        (labels,) = (spec.labels for spec in outputs if spec.name == figure.head)
        second = f"its second label, {labels[1]!r}," if labels else "its positive class"
        raise BadInput(
            f"the original's AUC is {figure.original:.3f}, surely below .5: {second} is taken for the lesion",
            where=f"head {figure.head}",
            remedy="train and compile with the lesion as the second label: 1 where the control is 0, or "
            "edgemed mr train --positive CLASS",
        )


def _none_scored(kinds: Mapping[str, str]) -> BadInput:
    told = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    named = {
        "binary": "--label HEAD for the binary head that detects",
        "regression": "--value HEAD for the one that gives mL",
    }
    remedies = [remedy for kind, remedy in named.items() if kind in kinds.values()]
    if remedies:
        return BadInput(
            f"which head detects lesions or gives their volume is not known: {told}",
            where="the model",
            remedy=", ".join(remedies),
        )
    return BadInput(
        f"no head is binary or gives values: {told}",
        where="the model",
        remedy="train and compile a model with a binary head (control, lesion), or with one that gives mL",
    )


def _check_kind(outputs: Sequence[OutputSpec], name: str, kind: str, where: str) -> None:
    found = next((spec for spec in outputs if spec.name == name), None)
    if found is None:
        raise BadInput(
            f"there is no head {name!r}",
            where=where,
            remedy=did_you_mean(name, [spec.name for spec in outputs]),
        )
    if found.kind != kind:
        raise BadInput(f"head {name!r} is {found.kind}; expected a {kind} one", where=where)
    if kind == "regression" and found.columns != 1:
        raise BadInput(f"head {name!r} gives {found.columns} values; expected one, in mL", where=where)


def _scores(answers: NDArray[np.float32]) -> Scores:
    """The last column: the positive class of a binary head of two."""
    return answers[:, -1].astype(np.float64)


def _detection(
    lesion: NDArray[np.uint8], original: Scores, artefacts: Mapping[str, Scores]
) -> tuple[float, tuple[Stressed, ...]]:
    """With the judge's paired interval of the loss, which has room for changes that were not seen."""
    best = auc(lesion, original)
    found = []
    for name, scores in artefacts.items():
        reached = auc(lesion, scores)
        (estimate,) = paired_aucs([(original, scores, lesion > 0)], (1 - LEVEL) / 2, None, 0, 0)
        low, high = (None, None) if estimate is None else (-estimate.high, -estimate.low)
        found.append(Stressed(name, reached, round(best - reached, 12), low, high))
    return best, tuple(found)


def _volume(
    lesion_ml: Scores, original: Scores, artefacts: Mapping[str, Scores]
) -> tuple[float, tuple[Stressed, ...]]:
    """With the interval of the loss that the cases themselves give."""
    best = r2(lesion_ml, original)
    before, found = original - lesion_ml, []
    for name, values in artefacts.items():
        reached = r2(lesion_ml, values)
        estimate = paired_r2(lesion_ml, before, values - lesion_ml, (1 - LEVEL) / 2)
        low, high = (None, None) if estimate is None else (-estimate.high, -estimate.low)
        found.append(Stressed(name, reached, round(best - reached, 12), low, high))
    return best, tuple(found)
