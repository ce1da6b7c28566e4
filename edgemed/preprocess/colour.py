"""gray_to_rgb and rgb_to_gray: one channel to three and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgemed.errors import BadInput
from edgemed.preprocess.axes import channels
from edgemed.preprocess.op import Op
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front

LUMA_601 = (0.299, 0.587, 0.114)
_PICTURES = ("HW", "HWC", "CHW")


class GrayToRgb(Op):
    """Repeat the one channel of a picture three times. A picture without a channel axis becomes HWC.

    Recipe: `{op = "gray_to_rgb"}`.
    """

    name: ClassVar[str] = "gray_to_rgb"

    def after(self, spec: InputSpec) -> InputSpec:
        _check_picture(spec, 1)
        if spec.layout == "HW":
            return replace(spec, shape=(*spec.shape, 3), layout="HWC")
        return _with_channels(spec, 3)

    def write(self, front: Front) -> None:
        front.arrange("CHW")
        gray = front.tensor
        front.tensor = front.emit("Concat", gray, gray, gray, axis=front.position("C"))
        front.sizes["C"] = 3


class RgbToGray(Op):
    """ITU-R BT.601 luma, 0.299 R + 0.587 G + 0.114 B, as Pillow's `convert("L")`, which rounds; one channel.

    Recipe: `{op = "rgb_to_gray"}`.
    """

    name: ClassVar[str] = "rgb_to_gray"

    def after(self, spec: InputSpec) -> InputSpec:
        _check_picture(spec, 3)
        return _with_channels(spec, 1)

    def write(self, front: Front) -> None:
        front.rounds(0.5)
        weights = np.asarray(LUMA_601)
        if front.axes == "HWC":
            front.then("MatMul", front.constant(weights.reshape(3, 1)))
            front.sizes["C"] = 1
            return
        height, width = front.shape("HW")
        front.reshape([3, height * width])
        front.tensor = front.emit("MatMul", front.constant(weights.reshape(1, 3)), front.tensor)
        front.sizes["C"] = 1
        front.reshape([1, height, width])


def _check_picture(spec: InputSpec, wanted: int) -> None:
    if spec.layout not in _PICTURES or channels(spec) != wanted:
        raise BadInput(
            f"this step takes a picture of {wanted} channel{'s' * (wanted > 1)}, found shape "
            f"{list(spec.shape)} with layout {spec.layout!r}",
            remedy="set the input's layout to HW, HWC or CHW, or leave the step out",
        )


def _with_channels(spec: InputSpec, count: int) -> InputSpec:
    at = spec.layout.index("C")
    return replace(spec, shape=(*spec.shape[:at], count, *spec.shape[at + 1 :]))
