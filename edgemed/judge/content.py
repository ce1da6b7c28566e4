"""The check that the calibration, selection and acceptance sets share no case and no patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from edgemed.errors import BadInput
from edgemed.judge.figures import class_counts
from edgemed.judge.scores import as_targets
from edgemed.types import OutputSpec, Sample
from edgemed.types.compilation import Role


class ContentCheck:
    """Watches samples as they stream by and refuses what would make the figures worthless.

    Keeps a digest of 16 bytes, a name and a group per case, never arrays. Usage: iterate each set through
    `watch`, then call `finish`. A set may be watched only once.
    """

    def __init__(self, outputs: Iterable[OutputSpec]) -> None:
        self._outputs = tuple(outputs)
        self._content: dict[Role, dict[bytes, str]] = {}
        self._groups: dict[Role, set[str]] = {}
        self._counts: dict[Role, dict[str, dict[str, int]]] = {}
        self._duplicates: dict[Role, list[tuple[str, str]]] = {}
        self._cases: dict[Role, int] = {}

    def watch(self, role: Role, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The same samples, each added to the check on its way."""
        for sample in samples:
            self.add(role, sample)
            yield sample

    def add(self, role: Role, sample: Sample) -> None:
        """Count one case. Raises `BadInput` where a label is outside its range."""
        digest = sample.content[:16]
        own = self._content.setdefault(role, {})
        if digest in own:
            self._duplicates.setdefault(role, []).append((own[digest], sample.name))
        else:
            own[digest] = sample.name
        self._cases[role] = self._cases.get(role, 0) + 1
        if sample.group is not None:
            self._groups.setdefault(role, set()).add(sample.group)
        for output in self._outputs:
            if output.name in sample.targets and output.kind != "regression":
                self._count(role, output, sample)

    def class_counts(self, role: Role) -> dict[str, dict[str, int]]:
        """By output name, cases of each class (multilabel: positives of each label), zeros included."""
        return {name: dict(counts) for name, counts in self._counts.get(role, {}).items()}

    def finish(self) -> tuple[str, ...]:
        """Warnings, after all sets have been watched.

        Raises `BadInput` where the same content or the same group is in two sets, or where the selection or
        acceptance set has labels of one class only.
        """
        self._refuse_shared_content()
        self._refuse_shared_groups()
        warnings = [*self._duplicate_warnings(), *self._ungrouped_warnings()]
        for role in self._content:
            for output in self._outputs:
                warnings += self._class_warnings(role, output)
        return tuple(warnings)

    def _count(self, role: Role, output: OutputSpec, sample: Sample) -> None:
        try:
            targets = as_targets(output, np.asarray(sample.targets[output.name])[None], 1)
        except BadInput as error:
            raise BadInput(error.problem, where=f"case {sample.name} of --{role}, {error.where}") from None
        total = self._counts.setdefault(role, {}).setdefault(output.name, {})
        for name, number in class_counts(output, targets).items():
            total[name] = total.get(name, 0) + number

    def _refuse_shared_content(self) -> None:
        for first, second in _pairs(self._content):
            ours, theirs = self._content[first], self._content[second]
            shared = [digest for digest in ours if digest in theirs]
            if shared:
                raise BadInput(
                    f"{len(shared)} cases are in both the {first} and the {second} set, such as "
                    f"{ours[shared[0]]} and {theirs[shared[0]]}",
                    where=f"--{first} and --{second}",
                    remedy="give three sets that share no case: split once, by patient",
                )

    def _refuse_shared_groups(self) -> None:
        for first, second in _pairs(self._groups):
            shared = sorted(self._groups[first] & self._groups[second])
            if shared:
                raise BadInput(
                    f"{len(shared)} groups (patients) are in both the {first} and the {second} set, such as "
                    f"{shared[0]}",
                    where=f"--{first} and --{second}",
                    remedy="split by group, so that each patient is in one set only",
                )

    def _duplicate_warnings(self) -> Iterator[str]:
        for role, pairs in self._duplicates.items():
            narrow = "" if role == "calibrate" else "; its intervals are narrower than they should be"
            yield (
                f"the {role} set holds {len(pairs)} of {self._cases[role]} cases twice, such as "
                f"{pairs[0][1]} and {pairs[0][0]}{narrow}"
            )

    def _ungrouped_warnings(self) -> Iterator[str]:
        grouped = [role for role in self._cases if role in self._groups]
        without = [role for role in self._cases if role not in self._groups]
        if grouped and without:
            yield (
                f"groups (patients) are given for {' and '.join(grouped)} but not for "
                f"{' and '.join(without)}: whether these sets share a patient was not checked"
            )

    def _class_warnings(self, role: Role, output: OutputSpec) -> list[str]:
        counts = self._counts.get(role, {}).get(output.name)
        if counts is None:
            return []
        if output.kind == "multilabel":
            total = self._cases[role]
            poor = [name for name, number in counts.items() if number in (0, total)]
            one_class = len(poor) == len(counts)
        else:
            poor = [name for name, number in counts.items() if number == 0]
            one_class = len(counts) - len(poor) < 2
        if not poor:
            return []
        listed = ", ".join(poor)
        if one_class and role != "calibrate":
            raise BadInput(
                f"the {role} set has one class only for {output.name} (no {listed})"
                if output.kind != "multilabel"
                else f"no label of {output.name} has both positives and negatives in the {role} set",
                where=f"--{role}",
                remedy="give cases of at least two classes: AUC, sensitivity and specificity need both",
            )
        lacks = "lacks positives or negatives for" if output.kind == "multilabel" else "has no case of"
        return [f"the {role} set {lacks} {listed} ({output.name})"]


def _pairs(sets: Iterable[Role]) -> Iterator[tuple[Role, Role]]:
    roles = list(sets)
    for index, first in enumerate(roles):
        for second in roles[index + 1 :]:
            yield first, second
