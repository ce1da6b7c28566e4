"""Predictions of one artefact on a set: raw samples only, no opinion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.runtime import Session
from edgemed.types import Sample

_BATCH_ELEMENTS = 1 << 21


@dataclass(frozen=True)
class Predictions:
    """Per output: (n, columns) float32; per labelled output: targets, (n,) or (n, columns)."""

    names: tuple[str, ...]
    outputs: dict[str, NDArray[np.float32]]
    targets: dict[str, NDArray[Any]]

    def save(self, path: Path) -> None:
        arrays: dict[str, Any] = {"names": np.array(self.names)}
        arrays |= {f"out.{name}": array for name, array in self.outputs.items()}
        arrays |= {f"target.{name}": array for name, array in self.targets.items()}
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Predictions:
        with np.load(path, allow_pickle=False) as data:
            outputs = {key[4:]: data[key] for key in data.files if key.startswith("out.")}
            targets = {key[7:]: data[key] for key in data.files if key.startswith("target.")}
            return cls(tuple(map(str, data["names"])), outputs, targets)


def predict(
    session: Session, samples: Iterable[Sample], progress: Callable[[int], None] = lambda done: None
) -> Predictions:
    """Run every sample, in batches of a bounded number of elements; memory does not grow with the set.

    Raises `BadInput` for an empty set.
    """
    names: list[str] = []
    outputs: dict[str, list[NDArray[np.float32]]] = {spec.name: [] for spec in session.manifest.outputs}
    targets: dict[str, list[NDArray[Any]]] = {}
    elements = sum(spec.samples for spec in session.manifest.inputs)
    for batch in _batches(samples, max(1, min(64, _BATCH_ELEMENTS // elements))):
        stacked = {
            spec.name: np.stack([sample.inputs[spec.name] for sample in batch])
            for spec in session.manifest.inputs
        }
        for name, array in session.run(stacked).items():
            outputs[name].append(array)
        for sample in batch:
            names.append(sample.name)
            for name, target in sample.targets.items():
                targets.setdefault(name, []).append(target)
        progress(len(names))
    if not names:
        raise BadInput("the set holds no samples")
    return Predictions(
        tuple(names),
        {name: np.concatenate(arrays) for name, arrays in outputs.items()},
        {name: np.stack(arrays) for name, arrays in targets.items()},
    )


def _batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
