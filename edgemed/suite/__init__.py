"""Reference architectures that the speed suite measures. Random weights: speed only, no accuracy."""

from edgemed.suite.architecture import Architecture, build, draw, names, save_pt2

__all__ = ["Architecture", "build", "draw", "names", "save_pt2"]
