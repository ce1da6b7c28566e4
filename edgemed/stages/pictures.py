"""Pictures of flipped cases, for a report that stays where the data is."""

from __future__ import annotations

import io
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.child import run_in_child
from edgemed.stages.acceptance import Acceptance
from edgemed.stages.job import Job, SetSource
from edgemed.types import InputSpec

_MOST = 24
_SIDE = 160


def flipped_pictures(
    job: Job, source: SetSource | None, acceptance: Acceptance
) -> tuple[tuple[str, bytes], ...]:
    """(case name, PNG) of cases of the acceptance set that a kept artefact decides otherwise.

    At most 24. Only inputs with a picture layout are drawn; of a volume, the middle slice.
    """
    flipped = {
        flip.case
        for name in itertools.chain(*acceptance.kept.values())
        for figures in acceptance.agreement.get(name, ())
        for flip in figures.flips
    }
    if source is None or not flipped:
        return ()
    spec = next((each for each in source.inputs if "H" in each.layout), None)
    if spec is None:
        return ()
    job.reporter.stage("pictures", "drawing the cases whose decision flipped")
    return run_in_child(_draw, source, spec, flipped, what="drawing pictures").value


def _draw(source: SetSource, spec: InputSpec, wanted: set[str]) -> tuple[tuple[str, bytes], ...]:
    found = (sample for sample in source.open() if sample.name in wanted)
    return tuple(
        (sample.name, _png(spec, sample.inputs[spec.name])) for sample in itertools.islice(found, _MOST)
    )


def _png(spec: InputSpec, array: NDArray[Any]) -> bytes:
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
    file = io.BytesIO()
    picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST).save(
        file, "PNG"
    )
    return file.getvalue()
