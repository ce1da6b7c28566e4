"""Drawings of flipped cases, for a report that stays where the data is."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgemed.child import run_in_child
from edgemed.report import Picture
from edgemed.stages.acceptance import Acceptance
from edgemed.stages.job import Job, SetSource
from edgemed.types import InputSpec
from edgemed.types.acquisition import LAYOUT

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST = 24
_SIDE = 160
_WIDTH, _CHANNEL, _LEAST_HEIGHT = 640, 40, 160
"""Of a drawn signal, in pixels: a channel is `_CHANNEL` high, and higher where there are few."""
_MOST_CHANNELS = 16
_GREY = 118
"""As far from white as from black paper."""


def flipped_pictures(job: Job, source: SetSource | None, acceptance: Acceptance) -> tuple[Picture, ...]:
    """Drawings of cases of the acceptance set that a kept artefact decides otherwise.

    At most 24. Only an input with a layout is drawn: pictures, of a volume the middle slice, and signals, a
    line for each of at most 16 channels; where a model takes both, the picture.
    """
    flipped = {
        flip.case
        for name in itertools.chain(*acceptance.kept.values())
        for figures in acceptance.agreement.get(name, ())
        for flip in figures.flips
    }
    if source is None or not flipped:
        return ()
    drawable = [each for each in source.inputs if each.layout]
    if not drawable:
        return ()
    spec = next((each for each in drawable if "H" in each.layout), drawable[0])
    job.reporter.stage("pictures", "drawing the cases whose decision flipped")
    return run_in_child(_draw, source, spec, flipped, what="drawing pictures").value


def _draw(source: SetSource, spec: InputSpec, wanted: set[str]) -> tuple[Picture, ...]:
    found = (sample for sample in source.open() if sample.name in wanted)
    return tuple(
        _picture(sample.name, spec, sample.inputs[spec.name]) for sample in itertools.islice(found, _MOST)
    )


def _picture(case: str, spec: InputSpec, array: NDArray[Any]) -> Picture:
    if "H" in spec.layout:
        return Picture(case, _png(_slice(spec, array)))
    return Picture(case, _png(_lines(_channels(spec, array)[:_MOST_CHANNELS].astype(np.float64))), line=True)


def _channels(spec: InputSpec, array: NDArray[Any]) -> NDArray[Any]:
    """(channels, length); of a raw MR signal I and Q of each coil, shot behind shot."""
    if spec.layout == LAYOUT:
        return np.moveaxis(array, (4, 3), (0, 1)).reshape(array.shape[4] * array.shape[3], -1)
    if spec.layout == "LC":
        return array.T
    return array if spec.layout == "CL" else array[np.newaxis]


def _slice(spec: InputSpec, array: NDArray[Any]) -> Image:
    """Grey values over the whole range, small pictures enlarged by a whole number."""
    from PIL import Image

    axes: str = spec.layout
    if "D" in axes:
        array = np.take(array, array.shape[axes.index("D")] // 2, axes.index("D"))
        axes = axes.replace("D", "")
    if "C" in axes:
        array = np.moveaxis(array, axes.index("C"), -1)
        array = array if array.shape[-1] == 3 else array[..., 0]
    values = array.astype(np.float64)
    low, high = values.min(), values.max()
    grey = np.rint((values - low) / (high - low or 1.0) * 255).astype(np.uint8)
    picture = Image.fromarray(grey)
    scale = max(1, _SIDE // max(picture.size))
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def _lines(channels: NDArray[np.float64]) -> Image:
    """(channels, length) below one another, each over its own range, on a transparent ground.

    Of more values than pixels, each column shows the least and the largest of those that fall there.
    """
    from PIL import Image, ImageDraw

    height = max(_CHANNEL, _LEAST_HEIGHT // len(channels))
    picture = Image.new("LA", (_WIDTH, height * len(channels)), (_GREY, 0))
    pen = ImageDraw.Draw(picture)
    for number, values in enumerate(channels):
        low, high = values.min(), values.max()
        middle = height * (number + 0.5)
        across, shown = _thinned(values)
        down = middle - (shown - (low + high) / 2) / (high - low or 1.0) * 0.84 * height
        pen.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=(_GREY, 255), width=2)
    return picture


def _thinned(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions across in pixels, and values."""
    if len(values) <= 2 * _WIDTH:
        return np.linspace(0, _WIDTH - 1, len(values)), values
    pieces = np.array_split(values, _WIDTH)
    ends = np.array([(piece.min(), piece.max()) for piece in pieces])
    return np.repeat(np.arange(_WIDTH, dtype=np.float64), 2), ends.ravel()


def _png(picture: Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
