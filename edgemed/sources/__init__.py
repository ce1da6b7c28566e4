"""Trained models in: one file per way to obtain one, each brought to one normalised ONNX file.

`load_trained_model` opens `.pt2`, `file.py:factory` with weights, or `.onnx`; the result can `predict` with
the original itself and `export` an ONNX file; `check_parity` compares the two; `finish` brings the outputs
of the exported file to probabilities or values.
"""

from __future__ import annotations

from edgemed.sources.ending import check_labels, endings, finish
from edgemed.sources.load import load_trained_model
from edgemed.sources.parity import Parity, check_parity
from edgemed.sources.trained import Layer, TrainedModel

__all__ = [
    "Layer",
    "Parity",
    "TrainedModel",
    "check_labels",
    "check_parity",
    "endings",
    "finish",
    "load_trained_model",
]
