"""RawFront: a recipe's steps on raw signals, as the very graph that an artefact will hold."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.preprocess import tensor_spec, write_front
from edgemed.sources.normalise import OPSET
from edgemed.types import InputSpec, Step

BATCH = 256
STEPS = (
    Step("phase_reference", {"echoes": 2}),
    Step("amplitude", {"echoes": 2}),
    Step("iq_channels", {"shots": "channels", "echoes": "channels"}),
)
"""Gain and phase unknown; each place of an echo sees all shots and echoes at once."""
_LEAST = 1e-6
"""Of the largest standard deviation: what varies less stands still but for rounding, as a reference that is
divided by itself, or the Q of real-valued decays."""


class RawFront:
    """Signals (n, *spec.shape) to the network's (n, channels, length), float32, one thread.

    Raises `BadInput` for steps that do not fit, and where they end in no channels and samples.
    """

    def __init__(self, spec: InputSpec, steps: Sequence[Step]) -> None:
        import onnxruntime

        after = tensor_spec(spec, steps)
        if after.layout != "CL":
            raise BadInput(
                f"behind the steps a signal has shape {list(after.shape)} and layout {after.layout!r}; the "
                "networks take channels and samples, CL",
                where=f"inputs.{spec.name}.steps",
                remedy='end with { op = "iq_channels", shots = "channels", echoes = "channels" }',
            )
        self.channels, self.length = after.shape
        self._name = spec.name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        with tempfile.TemporaryDirectory(prefix="edgemed-") as scratch:
            path = Path(scratch) / "front.onnx"
            write_front((spec,), {spec.name: steps}, path, opset=OPSET)
            self._session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])

    def __call__(self, signals: NDArray[np.float32]) -> NDArray[np.float32]:
        pieces = [
            self._session.run(None, {self._name: signals[start : start + BATCH]})[0]
            for start in range(0, len(signals), BATCH)
        ]
        return np.concatenate(pieces)


def statistics(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (channels, length) of (n, channels, length), for the step `whiten`.

    A value that stands still gets the largest deviation: noise that a device adds to it is not blown up.
    Raises `BadInput` where all rows are the same, or not finite.
    """
    mean, deviation = rows.mean(0, dtype=np.float64), rows.std(0, dtype=np.float64)
    if not 0 < (largest := float(deviation.max())) < np.inf:
        raise BadInput(
            f"behind the steps the signals vary by {largest:g}",
            where="TRAIN",
            remedy="look at the signals: silent ones teach nothing",
        )
    deviation[deviation < _LEAST * largest] = largest
    return mean.astype(np.float32), deviation.astype(np.float32)
