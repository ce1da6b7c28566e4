"""crop: a part of the array."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.axes import spatial
from edgemed.preprocess.op import Op, check_sizes, with_sizes
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Crop(Op):
    """Keep `size` from `start` on, or from the middle, along the spatial axes in the order of the layout.

    Recipe: `{op = "crop", size = [224, 224]}` (middle) or
    `{op = "crop", size = [224, 224], start = [16, 0]}` (box from row 16, column 0).
    The middle is that of torchvision's `center_crop`: `start = round((n - size) / 2)`, halves to even.
    """

    name: ClassVar[str] = "crop"
    size: tuple[int, ...]
    start: tuple[int, ...] | None = None

    def after(self, spec: InputSpec) -> InputSpec:
        check_sizes("size", self.size, spec)
        if self.start is not None:
            check_sizes("start", self.start, spec, least=0)
        sizes = dict(zip(spec.layout or spatial(spec), spec.shape, strict=True))
        for letter, (first, last) in self._bounds(spatial(spec), sizes).items():
            if first < 0 or last > sizes[letter]:
                at = "" if self.start is None else f" from {first}"
                raise BadInput(
                    f"crop to {last - first}{at} is larger than the {sizes[letter]} there are along {letter}",
                    remedy="make the crop smaller, or pad or resize before it",
                )
        return with_sizes(spec, self.size)

    def write(self, front: Front) -> None:
        bounds = self._bounds(front.spatial, front.sizes)
        cut = {k: (a, b) for k, (a, b) in bounds.items() if (a, b) != (0, front.sizes[k]) and k in front.axes}
        if cut:
            starts, ends = zip(*cut.values(), strict=True)
            front.then(
                "Slice",
                front.constant(starts, "int64"),
                front.constant(ends, "int64"),
                front.constant([front.position(letter) for letter in cut], "int64"),
            )
        front.sizes.update(zip(front.spatial, self.size, strict=True))

    def _bounds(self, letters: str, sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
        starts = self.start or [
            round((sizes[letter] - size) / 2) for letter, size in zip(letters, self.size, strict=True)
        ]
        return {
            letter: (start, start + size)
            for letter, start, size in zip(letters, starts, self.size, strict=True)
        }
