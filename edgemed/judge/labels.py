"""The check that the labels of a selection or acceptance set can tell good answers from bad ones."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.figures import class_counts
from edgemed.judge.scores import as_targets
from edgemed.types import OutputSpec
from edgemed.types.compilation import Role


def check_classes(
    role: Role, output: OutputSpec, targets: NDArray[Any]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Cases of each class (multilabel: positives of each label), zeros included; and warnings about those.

    `targets` are those of one output, (N,) or (N, columns). Raises `BadInput` where there is one class only,
    or a label is outside its range.
    """
    cases = len(targets)
    counts = class_counts(output, as_targets(output, targets, cases))
    if output.kind == "multilabel":
        poor = [name for name, number in counts.items() if number in (0, cases)]
        one_class = len(poor) == len(counts)
    else:
        poor = [name for name, number in counts.items() if number == 0]
        one_class = len(counts) - len(poor) < 2
    if not poor:
        return counts, ()
    listed = ", ".join(poor)
    if one_class:
        raise BadInput(
            f"the {role} set has one class only for {output.name} (no {listed})"
            if output.kind != "multilabel"
            else f"no label of {output.name} has both positives and negatives in the {role} set",
            where=f"--{role}",
            remedy="give cases of at least two classes: AUC, sensitivity and specificity need both",
        )
    lacks = "lacks positives or negatives for" if output.kind == "multilabel" else "has no case of"
    return counts, (f"the {role} set {lacks} {listed} ({output.name})",)
