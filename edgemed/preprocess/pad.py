"""pad: a border of one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgemed.errors import BadInput
from edgemed.preprocess.axes import spatial
from edgemed.preprocess.op import Op, check_finite, check_sizes, with_sizes
from edgemed.types import InputSpec

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Pad(Op):
    """Pad the spatial axes to `size`, or `by` a [before, after] pair per axis, with `value`.

    Recipe: `{op = "pad", size = [256, 256], value = 0}` or `{op = "pad", by = [[2, 2], [0, 4]]}`.
    To a size, the odd one goes behind: `before = (size - n) // 2`. `value` is in the unit that the steps
    before have reached.
    """

    name: ClassVar[str] = "pad"
    size: tuple[int, ...] | None = None
    by: tuple[tuple[int, ...], ...] | None = None
    value: float = 0.0

    def __post_init__(self) -> None:
        if (self.size is None) == (self.by is None):
            raise BadInput("pad needs either size or by", remedy='{op = "pad", size = [256, 256]}')
        if self.by is not None and any(len(pair) != 2 or min(pair) < 0 for pair in self.by):
            raise BadInput(
                f"by = {[list(pair) for pair in self.by]} is not a list of [before, after] pairs of 0 or more"
            )
        check_finite(value=self.value)

    def after(self, spec: InputSpec) -> InputSpec:
        letters = spatial(spec)
        sizes = dict(zip(spec.layout or letters, spec.shape, strict=True))
        if self.size is not None:
            check_sizes("size", self.size, spec)
            for letter, size in zip(letters, self.size, strict=True):
                if size < sizes[letter]:
                    raise BadInput(
                        f"pad to {size} is less than the {sizes[letter]} there are along {letter}",
                        remedy="crop or resize where the array is larger",
                    )
        elif self.by is not None:
            check_sizes("by", [before for before, _ in self.by], spec, least=0)
        borders = self._borders(letters, sizes)
        return with_sizes(spec, [sizes[letter] + sum(borders[letter]) for letter in letters])

    def write(self, front: Front) -> None:
        borders = self._borders(front.spatial, front.sizes)
        if any(sum(pair) for pair in borders.values()):
            if not set(borders) <= set(front.axes):
                front.arrange("".join(a for a in front.axes if a not in front.spatial) + front.spatial)
            pairs = [borders.get(letter, (0, 0)) for letter in front.axes]
            pads = [0, *(before for before, _ in pairs), 0, *(after for _, after in pairs)]
            front.then("Pad", front.constant(pads, "int64"), front.constant(self.value), mode="constant")
        for letter, pair in borders.items():
            front.sizes[letter] += sum(pair)
        if front.grey_levels and not front.grey_levels[0] <= self.value <= front.grey_levels[1]:
            front.grey_levels = None

    def _borders(self, letters: str, sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
        if self.by is not None:
            return {letter: (b, a) for letter, (b, a) in zip(letters, self.by, strict=True)}
        missing = {k: n - sizes[k] for k, n in zip(letters, self.size or (), strict=True)}
        return {letter: (n // 2, n - n // 2) for letter, n in missing.items()}
