"""Passes that make a graph smaller or faster, one file each."""

from edgemed.compress.float16 import write_float16
from edgemed.compress.quantise import find_scales, write_signed_activations, write_uint8_activations

__all__ = ["find_scales", "write_float16", "write_signed_activations", "write_uint8_activations"]
