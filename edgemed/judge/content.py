"""The check that the calibration, selection and acceptance sets share no case and no patient."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from edgemed.errors import BadInput
from edgemed.judge.near_duplicates import NearDuplicates
from edgemed.types import InputSpec, Sample
from edgemed.types.compilation import Role

_NAMED = 3
_EFFECT = (
    "; a verdict takes such cases for one group, the intervals of single figures are narrower than they "
    "should be"
)
Shared = Mapping[tuple[Role, Role], Sequence[str]]
"""By two sets, what is in both, in words."""


class ContentCheck:
    """Watches samples as they stream by and refuses what is in two sets; what is nearly so is warned of.

    Keeps a digest of 16 bytes, a name and a group per case, and fingerprints of `inputs`, see
    `NearDuplicates`; never arrays. Usage: iterate each set through `watch`, one after the other, then call
    `finish`. A set may be watched only once.
    """

    def __init__(self, inputs: Sequence[InputSpec] = ()) -> None:
        self._near = NearDuplicates(inputs)
        self._content: dict[Role, dict[bytes, str]] = {}
        self._groups: dict[Role, dict[str, None]] = {}
        self._duplicates: dict[Role, list[tuple[str, str]]] = {}
        self._cases: dict[Role, int] = {}
        self._ungrouped: dict[Role, list[str]] = {}

    def watch(self, role: Role, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The same samples, each added to the check on its way."""
        for sample in samples:
            self._add(role, sample)
            yield sample

    def finish(self) -> tuple[str, ...]:
        """Warnings, after all sets have been watched.

        Raises `BadInput` where the same content or the same group is in two sets; it names all such sets.
        """
        _refuse(
            "case",
            {(a, b): self._shared_content(a, b) for a, b in itertools.combinations(self._content, 2)},
            remedy="give three sets that share no case: split once, by patient",
        )
        _refuse(
            "group",
            {
                (a, b): [group for group in self._groups[a] if group in self._groups[b]]
                for a, b in itertools.combinations(self._groups, 2)
            },
            remedy="split by group, so that each patient is in one set only",
        )
        return (*self._duplicate_warnings(), *self._near_warnings(), *self._ungrouped_warnings())

    def _add(self, role: Role, sample: Sample) -> None:
        digest = sample.content[:16]
        own = self._content.setdefault(role, {})
        if digest in own:
            self._duplicates.setdefault(role, []).append((own[digest], sample.name))
        else:
            own[digest] = sample.name
        self._cases[role] = self._cases.get(role, 0) + 1
        if sample.group is not None:
            self._groups.setdefault(role, {})[sample.group] = None
        else:
            self._ungrouped.setdefault(role, []).append(sample.name)
        self._near.add(role, sample)

    def _shared_content(self, first: Role, second: Role) -> list[str]:
        theirs = self._content[second]
        return [
            f"{name} = {theirs[digest]}" for digest, name in self._content[first].items() if digest in theirs
        ]

    def _duplicate_warnings(self) -> Iterator[str]:
        for role, pairs in self._duplicates.items():
            effect = "" if role == "calibrate" else _EFFECT
            yield (
                f"the {role} set holds {len(pairs)} of {self._cases[role]} cases twice, such as "
                f"{pairs[0][1]} and {pairs[0][0]}{effect}"
            )

    def _near_warnings(self) -> Iterator[str]:
        for (first, second), pairs in self._near.pairs().items():
            named = ", ".join(f"{other} and {name}" for name, other in pairs[:_NAMED])
            are = "is" if len(pairs) == 1 else "are"
            yield (
                f"{len(pairs)} of {self._cases[second]} cases of the {second} set {are} nearly the same as "
                f"one of the {first} set, such as {named}: look at them; copies, or repeats of one patient, "
                "in two sets make figures look better than they are"
            )

    def _ungrouped_warnings(self) -> Iterator[str]:
        grouped = [role for role in self._cases if role in self._groups]
        without = [role for role in self._cases if role not in self._groups]
        if grouped and without:
            yield (
                f"groups (patients) are given for {' and '.join(grouped)} but not for "
                f"{' and '.join(without)}: whether these sets share a patient was not checked"
            )
        for role in grouped:
            if names := self._ungrouped.get(role):
                yield (
                    f"{len(names)} of {self._cases[role]} cases of the {role} set have no group (patient), "
                    f"such as {names[0]}: each is taken for a patient of its own"
                )


def _refuse(noun: str, shared: Shared, *, remedy: str) -> None:
    """Raises `BadInput` where two sets share anything."""
    found = {pair: both for pair, both in shared.items() if both}
    if not found:
        return
    sentences = []
    for (first, second), both in found.items():
        count = f"1 {noun} is" if len(both) == 1 else f"{len(both)} {noun}s are"
        sentences.append(
            f"{count} in both the {first} and the {second} set, such as {', '.join(both[:_NAMED])}"
        )
    roles = [f"--{role}" for role in get_args(Role) if any(role in pair for pair in found)]
    raise BadInput("; ".join(sentences), where=" and ".join(roles), remedy=remedy)
