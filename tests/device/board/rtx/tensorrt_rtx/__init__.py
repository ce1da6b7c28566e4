"""TensorRT-RTX on a GPU that is missing here: the board's TensorRT by its other name.

Its version is that of the installed package, by which edgemed knows it.
"""

import importlib
import sys

sys.modules[__name__] = importlib.import_module("tensorrt")
