"""Doubts: signs that data, model and labels do not belong together: artefacts agree with any original."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgemed.errors import BadInput
from edgemed.types import Figures

_CHANCE = 0.5
_BOTH = ("sensitivity", "specificity")
_AS_TRAINED = "are the data as in training (scale, layout, channels)?"


def doubts(original: Sequence[Figures], role: str) -> Iterator[str]:
    """Warnings about the original's figures on the set `role`. Only binary outputs are looked at.

    Raises `BadInput` where the whole interval of an AUC lies below .5: labels and columns are in another
    order, and an artefact would call the ill well.
    """
    for figures in original:
        auc = figures.get("auc")
        if figures.kind != "binary" or auc is None or auc.value is None:
            continue
        told = f"the original's AUC for {figures.output} on the {role} set is {auc.value:.3f}"
        if auc.high is not None and auc.high < _CHANCE:
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
        if {each.value for name in _BOTH if (each := figures.get(name)) is not None} == {0.0, 1.0}:
            yield f"the original decides every case of the {role} set alike ({figures.output}): {_AS_TRAINED}"
