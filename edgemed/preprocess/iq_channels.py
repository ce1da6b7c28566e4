"""iq_channels: a raw signal as the channels and samples of a 1D-CNN."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from edgemed.preprocess.raw_op import RawOp
from edgemed.types import InputSpec
from edgemed.types.acquisition import LAYOUT

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class IqChannels(RawOp):
    """(shot, echo, sample, coil, I/Q) to CL: I of every coil, then Q of every coil, along the whole signal.

    With `shots = "channels"` each shot has channels of its own, the first shot's I first, with
    `echoes = "channels"` each echo; the length is what is left. Recipe: `{op = "iq_channels"}`; for a network
    that sees the train of each sample (of a projection behind `dft`: of each place) at once
    `{op = "iq_channels", shots = "channels", echoes = "channels"}`.
    """

    name: ClassVar[str] = "iq_channels"
    shots: Literal["length", "channels"] = "length"
    echoes: Literal["length", "channels"] = "length"

    def after(self, spec: InputSpec) -> InputSpec:
        sizes = dict(zip(LAYOUT, super().after(spec).shape, strict=True))
        channels, length = (math.prod(sizes[letter] for letter in letters) for letters in self._axes)
        return replace(spec, layout="CL", shape=(channels, length))

    def write(self, front: Front) -> None:
        channels, length = self._axes
        order = channels + length
        if order != LAYOUT:
            front.then("Transpose", perm=[0, *(front.position(letter) for letter in order)])
        sizes = {
            "C": math.prod(front.sizes[letter] for letter in channels),
            "L": math.prod(front.sizes[letter] for letter in length),
        }
        front.reshape([*sizes.values()])
        front.axes, front.sizes, front.spatial = "CL", sizes, "L"

    @property
    def _axes(self) -> tuple[str, str]:
        own = [letter for letter, place in (("T", self.shots), ("E", self.echoes)) if place == "channels"]
        return "".join((*own, "QK")), "".join(letter for letter in "TES" if letter not in own)
