"""Preprocessing as part of the artefact: the recipe's steps written as one float32 ONNX graph."""

from edgemed.preprocess.attachment import attach
from edgemed.preprocess.front import PREFIX
from edgemed.preprocess.front_model import tensor_name, write_front
from edgemed.preprocess.op import Op
from edgemed.preprocess.registry import OPS, tensor_spec
from edgemed.preprocess.training import Comparison, compare_with_training

__all__ = [
    "OPS",
    "PREFIX",
    "Comparison",
    "Op",
    "attach",
    "compare_with_training",
    "tensor_name",
    "tensor_spec",
    "write_front",
]
