"""Doubts: signs that data, model and labels do not belong together: artefacts agree with any original."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from edgemed.errors import BadInput
from edgemed.judge.agreement import ROUNDING
from edgemed.judge.auc import is_surely_reversed
from edgemed.judge.groups import group_numbers
from edgemed.judge.scores import as_scores, names_of_classes, names_of_columns
from edgemed.measure import Predictions
from edgemed.types import Figures, OutputSpec

_CHANCE = 0.5
_AS_TRAINED = "are the data as in training (scale, layout, channels)?"


def doubts(original: Sequence[Figures], role: str, answers: Predictions | None = None) -> Iterator[str]:
    """Warnings about the original's figures on the set `role`: AUCs of binary outputs, decisions of all.

    `answers`, which the figures are of, tell which cases are of one patient: these count once. Raises
    `BadInput` where an AUC lies surely below .5: labels and columns are in another order, and an artefact
    would call the ill well.
    """
    for figures in original:
        auc = figures.get("auc")
        if figures.kind == "binary" and auc is not None and auc.value is not None:
            told = f"the original's AUC for {figures.output} on the {role} set is {auc.value:.3f}"
            if is_surely_reversed(auc.value, _counts(figures, answers)):
                raise BadInput(
                    f"{told}, surely below .5: labels and columns are in another order",
                    where=f"--{role}",
                    remedy="check the labels; name the classes in the order of the columns, negative first: "
                    f"labels = [...] under [outputs.{figures.output}]",
                )
            if auc.value < _CHANCE:
                yield f"{told}: are the labels in the order of the columns?"
            elif (auc.value if auc.low is None else auc.low) <= _CHANCE:
                yield f"{told}, maybe no better than chance: {_AS_TRAINED}"
        if _decides_alike(figures):
            yield f"the original decides every case of the {role} set alike ({figures.output}): {_AS_TRAINED}"


def _counts(figures: Figures, answers: Predictions | None) -> Sequence[int]:
    """Cases of each class, or patients where these have several."""
    groups = None if answers is None else group_numbers(answers.groups)
    if groups is None or answers is None:
        return tuple(figures.class_counts.values())
    targets = answers.targets[figures.output].reshape(-1)
    return [len(np.unique(groups[targets == each])) for each in (0, 1)]


def dead_columns(outputs: Sequence[OutputSpec], original: Predictions, role: str) -> Iterator[str]:
    """Warnings about columns of the original that do not vary over the set `role`, rounding aside.

    A binary output with labels is left to `doubts`, and a single case tells nothing.
    """
    for spec in outputs:
        scores = as_scores(spec, original.outputs[spec.name])
        if len(scores) == 1 or (spec.kind == "binary" and spec.name in original.targets):
            continue
        dead = np.flatnonzero(np.ptp(scores, axis=0) <= ROUNDING * np.abs(scores).max(axis=0))
        if not dead.size:
            continue
        labels = names_of_classes(spec) if spec.kind == "multiclass" else names_of_columns(spec)
        columns = "" if scores.shape[1] == 1 else f" ({', '.join(labels[column] for column in dead)})"
        yield (
            f"{spec.name}{columns} of the original is the same for all {len(scores)} cases of the {role} "
            f"set: {_AS_TRAINED}"
        )


def _decides_alike(figures: Figures) -> bool:
    """Whether every class and label is given to all cases or to none, and to some of them wrongly.

    Of a class without cases only the specificity is known.
    """
    sensitivities = (item for item in figures.items if item.name == "sensitivity")
    rates: list[set[float | None]] = []
    for sensitivity in sensitivities:
        specificity = figures.get("specificity", sensitivity.label)
        rates.append({sensitivity.value, None if specificity is None else specificity.value})
    return {0.0, 1.0} in rates and all(len(each) == 2 and each <= {0.0, 1.0, None} for each in rates)
