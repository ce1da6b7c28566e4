"""PruneRatios: how much of each layer the recipe wants gone, and how many channels that leaves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from edgemed.errors import BadInput
from edgemed.types import PruneSpec, did_you_mean


class PruneRatios:
    """The recipe's ratios for `layers`, the names of the layers of a net.

    An entry of `spec.layers` holds for the layer of that name, else for the layers inside the module of that
    name, else for those whose whole name the regular expression matches; the longest name, then the first
    entry, decides. Raises `BadInput` for an entry that names no layer or is no regular expression.
    """

    def __init__(self, spec: PruneSpec, layers: Sequence[str]) -> None:
        self._spec = spec
        self._own: dict[str, float] = {}
        patterns = {entry: _pattern(entry, layers) for entry in spec.layers}
        for entry, pattern in patterns.items():
            if not any(_fit(entry, pattern, layer) for layer in layers):
                raise BadInput(
                    f"{entry!r} names no layer with channels",
                    where="prune.layers",
                    remedy=did_you_mean(entry, layers),
                )
        for layer in layers:
            fits = {entry: _fit(entry, pattern, layer) for entry, pattern in patterns.items()}
            if any(fits.values()):
                self._own[layer] = spec.layers[max(fits, key=fits.__getitem__)]

    def of(self, layers: Iterable[str]) -> float:
        """The ratio of layers that share channels: the smallest that the recipe names for one of them."""
        own = [self._own[layer] for layer in layers if layer in self._own]
        return min(own, default=self._spec.ratio)


def channels_kept(channels: int, ratio: float, step: int, layer: str, unit: str) -> int:
    """The multiple of `step` nearest to what `ratio` leaves of `channels`, at most all of them.

    All of them where `channels` is one step or less. Raises `BadInput` where nothing would be left.
    """
    if channels <= step or ratio == 0.0:
        return channels
    kept = step * math.floor(channels * (1.0 - ratio) / step + 0.5 + 1e-9)
    if kept == 0:
        largest = math.floor(1000 * (1.0 - step / (2 * channels))) / 1000
        raise BadInput(
            f"a ratio of {ratio:g} leaves {channels * (1.0 - ratio):.3g} of {channels} {unit}, "
            f"which rounds to no multiple of {step}",
            where=f"prune.layers.{layer}",
            remedy=f"give {layer} a ratio of {largest:g} or less; it then keeps {step} {unit}",
        )
    return min(kept, channels)


def _pattern(entry: str, layers: Sequence[str]) -> re.Pattern[str] | None:
    """None where `entry` is a name."""
    if any(_names(entry, layer) for layer in layers):
        return None
    try:
        return re.compile(entry)
    except (re.error, OverflowError) as error:
        raise BadInput(
            f"{entry!r} is no regular expression: {error}",
            where="prune.layers",
            remedy=did_you_mean(entry, layers),
        ) from None


def _fit(entry: str, pattern: re.Pattern[str] | None, layer: str) -> int:
    """0: does not fit; 1: as a regular expression; above: as a name, the more the longer."""
    if _names(entry, layer):
        return 1 + len(entry)
    return int(pattern is not None and pattern.fullmatch(layer) is not None)


def _names(entry: str, layer: str) -> bool:
    return layer == entry or layer.startswith(f"{entry}.")
