"""normalise: fixed mean and standard deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgemed.errors import BadInput
from edgemed.preprocess.axes import channels
from edgemed.preprocess.op import Op, check_finite
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Normalise(Op):
    """(x - mean) / std, each one number or one per channel (per column of a table).

    Recipe: `{op = "normalise", mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225]}`.
    `mean` and `std` are in the unit that the steps before have reached.
    """

    name: ClassVar[str] = "normalise"
    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]

    def __post_init__(self) -> None:
        check_finite(mean=self.mean, std=self.std)
        if np.min(self.std, initial=np.inf) <= 0:
            raise BadInput(f"std = {self.std} is not above 0")

    def after(self, spec: InputSpec) -> InputSpec:
        for name, value in (("mean", self.mean), ("std", self.std)):
            if isinstance(value, tuple) and len(value) != channels(spec):
                raise BadInput(
                    f"{name} has {len(value)} numbers, but there are {channels(spec)} channels in shape "
                    f"{list(spec.shape)} with layout {spec.layout!r}",
                    remedy="give one number, or one per channel; the input's layout says which axis is C",
                )
        return spec

    def write(self, front: Front) -> None:
        mean, std = np.asarray(self.mean, np.float64), np.asarray(self.std, np.float64)
        front.affine(1 / std, -mean / std)
