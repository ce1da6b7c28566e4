"""NVIDIA TensorRT: engines built ahead of time, kits that a board builds, and the execution of both."""

from edgemed.backends.tensorrt.backend import TensorRt

__all__ = ["TensorRt"]
