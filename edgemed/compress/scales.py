"""Scales: what the quantiser found, apart from any runtime's way of writing it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ActivationScale:
    """Range of one float tensor, quantised to 256 levels for the named consumers."""

    tensor: str
    low: float
    high: float
    consumers: tuple[str, ...]
    """Names of the ONNX nodes that take the quantised value."""


@dataclass(frozen=True)
class WeightScale:
    """int8 weights of one node, shaped as its ONNX initialiser; one scale per entry along `axis`."""

    node: str
    values: NDArray[np.int8]
    scale: NDArray[np.float32]
    axis: int


@dataclass(frozen=True)
class Scales:
    """Everything a Q/DQ serialisation needs: ranges, int8 weights, and biases corrected for them."""

    activations: tuple[ActivationScale, ...]
    weights: tuple[WeightScale, ...]
    biases: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write `scales.json` and `scales.npz`."""
        arrays: dict[str, Any] = {}
        for index, weight in enumerate(self.weights):
            arrays[f"values.{index}"] = weight.values
            arrays[f"scale.{index}"] = weight.scale
        for index, bias in enumerate(self.biases.values()):
            arrays[f"bias.{index}"] = bias
        np.savez(folder / "scales.npz", **arrays)
        listing = {
            "activations": [
                {"tensor": a.tensor, "low": a.low, "high": a.high, "consumers": a.consumers}
                for a in self.activations
            ],
            "weights": [{"node": weight.node, "axis": weight.axis} for weight in self.weights],
            "biases": list(self.biases),
        }
        (folder / "scales.json").write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Scales:
        listing = json.loads((folder / "scales.json").read_text(encoding="utf-8"))
        with np.load(folder / "scales.npz", allow_pickle=False) as arrays:
            return cls(
                tuple(
                    ActivationScale(a["tensor"], a["low"], a["high"], tuple(a["consumers"]))
                    for a in listing["activations"]
                ),
                tuple(
                    WeightScale(w["node"], arrays[f"values.{i}"], arrays[f"scale.{i}"], w["axis"])
                    for i, w in enumerate(listing["weights"])
                ),
                {name: arrays[f"bias.{i}"] for i, name in enumerate(listing["biases"])},
            )
