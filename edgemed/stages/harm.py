"""Whether a broken model answers otherwise than its original: else it controls nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.scores import as_scores, decide
from edgemed.types import OutputSpec

OF_A_CLASS = 0.1
OF_THE_SPREAD = 0.3
"""An SNR of 10 dB."""


def harmed(output: OutputSpec, original: NDArray[Any], broken: NDArray[Any]) -> bool:
    """Whether a tenth of the decisions for some class have changed, or values by 0.3 of their spread.

    Both are (n, columns). It asks no label, so it does not say which of them is right.
    """
    before, after = as_scores(output, original), as_scores(output, broken)
    if output.kind == "regression":
        moved = np.sqrt(np.mean((after - before) ** 2, axis=0))
        return bool((moved > OF_THE_SPREAD * before.std(axis=0)).any())
    old, new = decide(output, before), decide(output, after)
    return any(
        (new[old[:, column] == decision, column] != decision).mean() >= OF_A_CLASS
        for column in range(old.shape[1])
        for decision in np.unique(old[:, column])
    )
