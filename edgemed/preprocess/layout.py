"""layout: another order of the axes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from edgemed.errors import BadInput
from edgemed.preprocess.axes import channels, spatial
from edgemed.preprocess.op import Op
from edgemed.types import InputSpec
from edgemed.types.acquisition import LAYOUT

if TYPE_CHECKING:
    from edgemed.preprocess.front import Front


class Layout(Op):
    """Move the channel axis, add one of length 1, or drop one of length 1.

    Recipe: `{op = "layout", to = "CHW"}` (from HW, HWC or CHW), `{op = "layout", to = "CL"}` (from L or LC).
    No data moves here: the graph transposes at most once, where it has to.
    """

    name: ClassVar[str] = "layout"
    to: Literal["HW", "HWC", "CHW", "DHW", "DHWC", "CDHW", "L", "CL", "LC"]

    def after(self, spec: InputSpec) -> InputSpec:
        if not spec.layout:
            raise BadInput(
                f"the axes of shape {list(spec.shape)} have no names", remedy="set the layout of the input"
            )
        if self.to.replace("C", "") != spatial(spec):
            raise BadInput(
                f"layout {spec.layout} cannot become {self.to}: the axes are not the same",
                remedy="iq_channels makes CL of a raw MR signal" if spec.layout == LAYOUT else "",
            )
        if "C" not in self.to and channels(spec) != 1:
            raise BadInput(
                f"layout {spec.layout} cannot become {self.to}: there are {channels(spec)} channels",
                remedy="keep the axis C, or make it one channel first (rgb_to_gray)",
            )
        sizes = {"C": 1, **dict(zip(spec.layout, spec.shape, strict=True))}
        return replace(spec, layout=self.to, shape=tuple(sizes[letter] for letter in self.to))

    def write(self, front: Front) -> None:
        """Nothing: see `Front.arrange`."""
