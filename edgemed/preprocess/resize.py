"""resize: another number of pixels, as one constant matrix product per axis."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

from edgemed.preprocess.op import Op, check_picture_axes, check_sizes, with_sizes
from edgemed.preprocess.pillow_filter import OVERSHOOTING, Filter, resize_matrix
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Resize(Op):
    """Resample the spatial axes to `size` (in the order of the layout: [height, width]) as Pillow does.

    Recipe: `{op = "resize", size = [224, 224], filter = "bilinear"}`.

    One constant matrix product per axis with Pillow's antialiased coefficients, because runtimes differ by up
    to 81 grey levels on ONNX `Resize`. All in float32 with no rounding between the passes, where Pillow
    rounds to uint8 after each: results are within 1 grey level of Pillow's. Bicubic and lanczos overshoot:
    raw integers are clipped to their type's range after each pass, as in Pillow; values that an arithmetic
    step has changed are not, as in Pillow's mode F and in torch. Passes run in the order of Pillow 13 (pull
    request 9549): the width first, but the height first where it loses more than twice as many pixels.
    Pillow to version 12 always begins with the width; the order shows only where overshoot is clipped.
    """

    name: ClassVar[str] = "resize"
    size: tuple[int, ...]
    filter: Filter = "bilinear"

    def after(self, spec: InputSpec) -> InputSpec:
        check_picture_axes(spec)
        check_sizes("size", self.size, spec)
        return with_sizes(spec, self.size)

    def write(self, front: Front) -> None:
        changed = {
            letter: size
            for letter, size in zip(front.spatial, self.size, strict=True)
            if size != front.sizes[letter]
        }
        if not changed:
            return
        front.arrange("".join(a for a in front.axes if a not in front.spatial) + front.spatial)
        for letter in self._passes(front, changed):
            self._resize_axis(front, letter, changed[letter])
            if front.grey_levels and self.filter in OVERSHOOTING:
                low, high = front.grey_levels
                front.then("Clip", front.constant(low), front.constant(high))
        if self.filter != "nearest":
            front.rounds(1.5)

    def _passes(self, front: Front, changed: dict[str, int]) -> list[str]:
        lost = {letter: front.sizes[letter] - size for letter, size in changed.items()}
        if front.spatial == "HW" and lost.get("H", 0) > max(2 * lost.get("W", 0), 0):
            return list(changed)
        return list(reversed(changed))

    def _resize_axis(self, front: Front, letter: str, size: int) -> None:
        matrix = resize_matrix(front.sizes[letter], size, self.filter)
        front.sizes[letter] = size
        at = front.axes.index(letter)
        if at == len(front.axes) - 1:
            front.then("MatMul", front.constant(matrix.T))
            return
        merge = at < len(front.axes) - 2
        if merge:
            lengths = front.shape()
            front.reshape([*lengths[:at], matrix.shape[1], prod(lengths[at + 1 :])])
        front.tensor = front.emit("MatMul", front.constant(matrix), front.tensor)
        if merge:
            front.reshape(front.shape())
