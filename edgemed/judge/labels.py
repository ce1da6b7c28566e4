"""The check that the labels of a selection or acceptance set can tell good answers from bad ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.figures import class_counts
from edgemed.judge.scores import as_targets
from edgemed.types import OutputSpec
from edgemed.types.compilation import Role


class LabelCheck:
    """Counts the classes in the labels of one set, case by case, and refuses a set of one class."""

    def __init__(self, role: Role, outputs: Iterable[OutputSpec]) -> None:
        self._role = role
        self._outputs = {each.name: each for each in outputs if each.kind != "regression"}
        self._counts: dict[str, dict[str, int]] = {}
        self._cases = 0

    def add(self, name: str, targets: Mapping[str, NDArray[Any]]) -> None:
        """Count the case `name`. Raises `BadInput` where a label is outside its range."""
        self._cases += 1
        for output in self._outputs.values():
            if output.name in targets:
                self._count(name, output, targets[output.name])

    @property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """By output name, cases of each class (multilabel: positives of each label), zeros included."""
        return {name: dict(self._counts[name]) for name in self._outputs if name in self._counts}

    def finish(self) -> tuple[str, ...]:
        """Warnings about classes without a case. Raises `BadInput` where there is one class only."""
        return tuple(
            warning
            for name, counts in self.class_counts.items()
            for warning in self._warnings(self._outputs[name], counts)
        )

    def _count(self, name: str, output: OutputSpec, target: NDArray[Any]) -> None:
        try:
            targets = as_targets(output, np.asarray(target)[None], 1)
        except BadInput as error:
            raise BadInput(error.problem, where=f"case {name} of --{self._role}, {error.where}") from None
        total = self._counts.setdefault(output.name, {})
        for label, number in class_counts(output, targets).items():
            total[label] = total.get(label, 0) + number

    def _warnings(self, output: OutputSpec, counts: Mapping[str, int]) -> list[str]:
        if output.kind == "multilabel":
            poor = [name for name, number in counts.items() if number in (0, self._cases)]
            one_class = len(poor) == len(counts)
        else:
            poor = [name for name, number in counts.items() if number == 0]
            one_class = len(counts) - len(poor) < 2
        if not poor:
            return []
        listed = ", ".join(poor)
        if one_class:
            raise BadInput(
                f"the {self._role} set has one class only for {output.name} (no {listed})"
                if output.kind != "multilabel"
                else f"no label of {output.name} has both positives and negatives in the {self._role} set",
                where=f"--{self._role}",
                remedy="give cases of at least two classes: AUC, sensitivity and specificity need both",
            )
        lacks = "lacks positives or negatives for" if output.kind == "multilabel" else "has no case of"
        return [f"the {self._role} set {lacks} {listed} ({output.name})"]
