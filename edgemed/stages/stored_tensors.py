"""StoredTensors: a set's preprocessed inputs on disk, for what reads them many times in another order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgemed.child import report_progress
from edgemed.compress.sample_order import Batch
from edgemed.stages.front import Front
from edgemed.types import InputSpec, SampleSet

if TYPE_CHECKING:
    from torch import Tensor


class StoredTensors:
    """Each sample is decoded and preprocessed once, into a file per input; memory does not grow with the set.

    The files lie in `folder` until `remove`.
    """

    def __init__(self, samples: SampleSet, front: Front, specs: Sequence[InputSpec], folder: Path) -> None:
        self._files = [folder / f"tensors.{index}.f32" for index in range(len(specs))]
        self._targets: list[dict[str, NDArray[Any]]] = []
        total = len(samples)
        files = [file.open("wb") for file in self._files]
        try:
            for sample in samples:
                tensors = front.run([sample.inputs])
                for file, spec in zip(files, specs, strict=True):
                    file.write(np.ascontiguousarray(tensors[spec.name], np.float32).data)
                self._targets.append(sample.targets)
                report_progress(len(self._targets), total)
        finally:
            for file in files:
                file.close()
        self._arrays = {
            spec.name: np.memmap(file, np.float32, "r", shape=(len(self), *spec.shape))
            for spec, file in zip(specs, self._files, strict=True)
        }

    def __len__(self) -> int:
        return len(self._targets)

    def batches(self, indices: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """One batch for each list of indices."""
        for chosen in indices:
            inputs = {name: array[list(chosen)] for name, array in self._arrays.items()}
            names = self._targets[chosen[0]]
            targets = {name: np.stack([self._targets[index][name] for index in chosen]) for name in names}
            yield Batch(tensors_of(inputs), tensors_of(targets))

    def remove(self) -> None:
        self._arrays.clear()
        for file in self._files:
            file.unlink()


def tensors_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    import torch

    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
