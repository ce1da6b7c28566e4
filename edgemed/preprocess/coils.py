"""combine_coils: one signal of several coils."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgemed.errors import BadInput
from edgemed.preprocess.op import check_finite
from edgemed.preprocess.raw_op import RawOp, shape_but

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class CombineCoils(RawOp):
    """The sum over coils, each turned by a phase and weighted: sum of gain exp(i phase) signal.

    Coils have phases of their own and cancel where nothing takes these away: put `phase_reference` before it,
    or give `phases_deg`.

    Recipe: `{op = "combine_coils"}` (gains 1 / sqrt(coils), no phase: noise keeps its spread) or
    `{op = "combine_coils", gains = [0.7, 0.7], phases_deg = [0, 90]}`.
    """

    name: ClassVar[str] = "combine_coils"
    gains: tuple[float, ...] = ()
    phases_deg: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_finite(gains=self.gains, phases_deg=self.phases_deg)

    def sized(self, sizes: dict[str, int]) -> dict[str, int]:
        for name, given in (("gains", self.gains), ("phases_deg", self.phases_deg)):
            if given and len(given) != sizes["K"]:
                raise BadInput(
                    f"{name} has {len(given)} numbers for {sizes['K']} coils",
                    remedy="give one number for each coil, in the file's order",
                )
        return {**sizes, "K": 1}

    def write(self, front: Front) -> None:
        coils = front.sizes["K"]
        gains = np.asarray(self.gains or [coils**-0.5] * coils)
        turned = gains * np.exp(1j * np.deg2rad(self.phases_deg or [0.0] * coils))
        weights = np.stack(
            [np.stack([turned.real, turned.imag], 1), np.stack([-turned.imag, turned.real], 1)], 1
        )
        shots, echoes, samples = front.shape("TES")
        front.reshape([shots, echoes, samples, 2 * coils])
        front.then("MatMul", front.constant(weights.reshape(2 * coils, 2)))
        front.reshape(shape_but(front, K=1))
        front.sizes["K"] = 1
