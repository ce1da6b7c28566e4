"""Front: the preprocessing steps alone, for what trains or checks the model behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgemed.preprocess import tensor_name
from edgemed.stages.inputs import Arrays
from edgemed.types import InputSpec


class Front:
    """The steps in the ONNX file that `fit_inputs` wrote."""

    def __init__(self, file: Path, raw: tuple[InputSpec, ...]) -> None:
        import onnxruntime as ort

        self._raw = raw
        self._session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])

    def run(self, samples: Sequence[Arrays]) -> Arrays:
        """The model's tensors of raw `samples`, as one batch."""
        feeds = {spec.name: np.stack([each[spec.name] for each in samples]) for spec in self._raw}
        values = self._session.run([tensor_name(spec.name) for spec in self._raw], feeds)
        return {spec.name: value for spec, value in zip(self._raw, values, strict=True)}
