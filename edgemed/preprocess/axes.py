"""Axes by letter: N is the batch and never named; C channels; D, H, W, L space or time."""

from __future__ import annotations

from edgemed.types import InputSpec


def letters(spec: InputSpec) -> str:
    """The layout, or a, b, c... for an array that has none."""
    return spec.layout or "".join(chr(ord("a") + i) for i in range(len(spec.shape)))


def spatial(spec: InputSpec) -> str:
    """All axes but C. An array without a layout has only spatial axes."""
    return letters(spec).replace("C", "")


def channels(spec: InputSpec) -> int:
    """Length of C; of a table (one axis, no layout) its columns; else 1."""
    if not spec.layout and len(spec.shape) == 1:
        return spec.shape[0]
    return spec.shape[spec.layout.index("C")] if "C" in spec.layout else 1
