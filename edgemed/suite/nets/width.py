"""Channel counts of a net made narrower or wider."""

from __future__ import annotations


def divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, and at least 90 % of it.

    Source: MobileNet's `_make_divisible`.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
