"""whiten: a stored mean and standard deviation of each value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgemed.preprocess.op import Op
from edgemed.preprocess.statistics_file import read_statistics
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Whiten(Op):
    """(x - mean) / std, value by value, with what the `.npz` file `statistics` holds: see `read_statistics`.

    Recipe: `{op = "whiten", statistics = "whiten.npz"}`. With `sha256` no other file is taken; a compile
    fills it in, so that all that depends on the step depends on the file's content.
    """

    name: ClassVar[str] = "whiten"
    statistics: str
    sha256: str = ""

    def after(self, spec: InputSpec) -> InputSpec:
        read_statistics(Path(self.statistics), self.sha256, spec.shape)
        return spec

    def write(self, front: Front) -> None:
        front.arrange(front.layout)
        mean, std = read_statistics(Path(self.statistics), self.sha256, front.shape())
        with np.errstate(over="ignore"):  # the constant below refuses it
            inverse = 1 / std
        front.then("Sub", front.constant(mean))
        front.then("Mul", front.constant(inverse))
        front.grey_levels = None
        if front.gain is not None:
            front.gain *= float(inverse.max())
