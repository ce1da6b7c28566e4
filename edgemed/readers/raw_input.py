"""A raw MR signal as the input of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.raw import read_raw
from edgemed.types import InputSpec, RawSignal


def decode_raw(path: Path, spec: InputSpec) -> NDArray[Any]:
    """The file at `path` as the array of `spec`, float32 (shots, echoes, samples, coils, 2).

    Raises what `read_raw` raises, and `BadInput` for a signal of another shape, or taken otherwise than
    `spec.acquisition` says.
    """
    signal = read_raw(path)
    if spec.acquisition is not None:
        spec.acquisition.check(signal.acquisition)
    return fit_raw(signal, spec)


def fit_raw(signal: RawSignal, spec: InputSpec) -> NDArray[np.float32]:
    """Raises `BadInput` for another number of shots, echoes, samples or coils."""
    names = ("shots", "echoes", "samples", "coils")
    for name, found, wanted in zip(names, signal.samples.shape, spec.shape, strict=False):
        if found != wanted:
            raise BadInput(
                f"the signal has {found} {name}, expected {wanted}",
                remedy=f"take it with the protocol that the model was made for; input {spec.name!r} is "
                f"(shots, echoes, samples, coils, 2) = {list(spec.shape)}",
            )
    return signal.array
