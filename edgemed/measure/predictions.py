"""Predictions of one artefact on a set: raw samples only, no opinion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.runtime import Session
from edgemed.types import Acquisition, Sample

_BATCH_ELEMENTS = 1 << 21


@dataclass(frozen=True)
class Predictions:
    """Per output: (n, columns) float32; per labelled output: targets, (n,) or (n, columns).

    `groups` holds the patient or duplicate group of each case, "" where it has none; it is empty where no
    case has one. `strata` holds, per name such as `site`, what each case belongs to.
    """

    names: tuple[str, ...]
    outputs: dict[str, NDArray[np.float32]]
    targets: dict[str, NDArray[Any]]
    groups: tuple[str, ...] = ()
    strata: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        arrays: dict[str, Any] = {"names": np.array(self.names), "groups": np.array(self.groups, np.str_)}
        arrays |= {f"out.{name}": array for name, array in self.outputs.items()}
        arrays |= {f"target.{name}": array for name, array in self.targets.items()}
        arrays |= {f"stratum.{name}": np.array(of) for name, of in self.strata.items()}
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Predictions:
        with np.load(path, allow_pickle=False) as data:
            outputs = {key[4:]: data[key] for key in data.files if key.startswith("out.")}
            targets = {key[7:]: data[key] for key in data.files if key.startswith("target.")}
            strata = {key[8:]: _texts(data[key]) for key in data.files if key.startswith("stratum.")}
            return cls(_texts(data["names"]), outputs, targets, _texts(data["groups"]), strata)


def predict(
    session: Session, samples: Iterable[Sample], progress: Callable[[int], None] = lambda done: None
) -> Predictions:
    """Run every sample, in batches of a bounded number of elements; memory does not grow with the set.

    Cases of the very same content are one group, so that no interval counts one twice. Raises `BadInput`
    for an empty set.
    """
    names: list[str] = []
    outputs: dict[str, list[NDArray[np.float32]]] = {spec.name: [] for spec in session.manifest.outputs}
    targets: dict[str, list[NDArray[Any]]] = {}
    strata: dict[str, list[str]] = {}
    groups: list[str] = []
    contents: list[bytes] = []
    acquisition = next((spec.acquisition for spec in session.manifest.inputs if spec.acquisition), None)
    elements = sum(spec.samples for spec in session.manifest.inputs)
    for batch in _batches(samples, max(1, min(64, _BATCH_ELEMENTS // elements))):
        stacked = {
            spec.name: np.stack([sample.inputs[spec.name] for sample in batch])
            for spec in session.manifest.inputs
        }
        try:
            answers = session.run(stacked, acquisition=acquisition)
        except BadInput:
            _find_refused(session, batch, acquisition)
            raise
        for name, array in answers.items():
            outputs[name].append(array)
        for sample in batch:
            names.append(sample.name)
            groups.append(sample.group or "")
            contents.append(sample.content[:16])
            for name, target in sample.targets.items():
                targets.setdefault(name, []).append(target)
            for name, of in sample.strata.items():
                strata.setdefault(name, []).append(of)
        progress(len(names))
    if not names:
        raise BadInput("the set holds no samples")
    return Predictions(
        tuple(names),
        {name: np.concatenate(arrays) for name, arrays in outputs.items()},
        {name: np.stack(arrays) for name, arrays in targets.items()},
        _groups(names, groups, contents),
        {name: tuple(of) for name, of in strata.items()},
    )


def _find_refused(session: Session, batch: Sequence[Sample], acquisition: Acquisition | None) -> None:
    """Raises `BadInput` with the name of the first sample that an artefact refuses."""
    for sample in batch:
        alone = {spec.name: sample.inputs[spec.name][np.newaxis] for spec in session.manifest.inputs}
        try:
            session.run(alone, acquisition=acquisition)
        except BadInput as error:
            where = ", ".join(filter(None, (sample.name, error.where)))
            raise BadInput(error.problem, where=where, remedy=error.remedy) from None


def _groups(names: Sequence[str], own: Sequence[str], contents: Sequence[bytes]) -> tuple[str, ...]:
    """The group of each case: its own, else that of a case of the same content; () where none has one."""
    first: dict[bytes, str] = {}
    given: dict[bytes, str] = {}
    for name, group, content in zip(names, own, contents, strict=True):
        first.setdefault(content, name)
        if group:
            given.setdefault(content, group)
    times = Counter(contents)
    found = tuple(
        group or given.get(content) or (f"same as {first[content]}" if times[content] > 1 else "")
        for group, content in zip(own, contents, strict=True)
    )
    return found if any(found) else ()


def _texts(array: NDArray[Any]) -> tuple[str, ...]:
    return tuple(map(str, array))


def _batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
