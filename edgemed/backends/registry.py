"""Finds backends: edgemed's own, and those of other packages through the entry point `edgemed.backends`."""

from __future__ import annotations

from importlib import import_module

from edgemed.backends.backend import Backend
from edgemed.errors import BadInput
from edgemed.types import did_you_mean

ENTRY_POINT = "edgemed.backends"
_OWN = {"onnxruntime": "OnnxRuntime", "openvino": "OpenVino", "tensorrt": "TensorRt"}
"""Class by name, which is its module's too."""


def backend_names() -> tuple[str, ...]:
    """edgemed's own backends first, then those of other packages."""
    from importlib import metadata

    others = sorted(point.name for point in metadata.entry_points(group=ENTRY_POINT))
    return tuple(dict.fromkeys([*_OWN, *others]))


def get_backend(name: str) -> Backend:
    """The backend of this name. Raises `BadInput` where there is none."""
    if name in _OWN:
        own: Backend = getattr(import_module(f"edgemed.backends.{name}"), _OWN[name])()
        return own
    from importlib import metadata

    for point in metadata.entry_points(group=ENTRY_POINT):
        if point.name == name:
            loaded: Backend = point.load()()
            return loaded
    raise BadInput(f"there is no backend {name!r}", remedy=did_you_mean(name, backend_names()))
