"""A net that tells whether the middle of a picture is bright; its int8 sums need more than 16 bits."""

from __future__ import annotations

from pathlib import Path

import graphs
import numpy as np

from edgemed.types import InputSpec, OutputSpec

SIDE = 16
PROVABLE = 400
"""Cases, half of them positive, on which an artefact that never decides otherwise is proven not worse."""
_BALANCE = -7.7
"""Brings the scores of positives and negatives to either side of the threshold."""


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` x 1 x 16 x 16 float32, and 0 or 1 of each."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 0.4, (count, 1, SIDE, SIDE)).astype(np.float32)
    y = np.arange(count) % 2
    brighter = (y * rng.uniform(0.3, 0.6, count)).astype(np.float32)
    x[:, :, 4:12, 4:12] += brighter[:, None, None, None]
    return x, y.astype(np.int64)


def write_bright(folder: Path) -> None:
    """`model.onnx` with the sets `cal.npz`, `sel.npz`, `acc.npz`."""
    for seed, (name, count) in enumerate((("cal", 40), ("sel", 40), ("acc", PROVABLE))):
        x, y = pictures(count, seed)
        np.savez(folder / f"{name}.npz", x=x, y=y)
    g = graphs.Writer(0)
    x = g.pooled(_summing(g, _summing(g, "image", 1, 16), 16, 16))
    weights, bias = np.full((16, 1), 3, np.float32), np.array([_BALANCE], np.float32)
    g.add("Gemm", x, g.constant(weights), g.constant(bias), out="finding")
    image = InputSpec("image", "float32", (1, SIDE, SIDE))
    g.write(folder, "model", (image,), (OutputSpec("finding", "binary", 1),))


def _summing(g: graphs.Writer, x: str, inside: int, outside: int) -> str:
    """A convolution whose weights all have the sign of what they weigh."""
    weights = g.rng.uniform(0.7, 1, (outside, inside, 3, 3)) / (9 * inside)
    return g.relu(g.add("Conv", x, g.constant(weights.astype(np.float32)), pads=[1] * 4))
