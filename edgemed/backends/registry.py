"""Finds backends: edgemed's own, and those of other packages through the entry point `edgemed.backends`."""

from __future__ import annotations

from importlib import metadata

from edgemed.backends.backend import Backend
from edgemed.backends.onnxruntime import OnnxRuntime
from edgemed.backends.openvino import OpenVino
from edgemed.backends.tensorrt import TensorRt
from edgemed.errors import BadInput
from edgemed.types import did_you_mean

ENTRY_POINT = "edgemed.backends"
_OWN: tuple[type[Backend], ...] = (OnnxRuntime, OpenVino, TensorRt)


def backend_names() -> tuple[str, ...]:
    """edgemed's own backends first, then those of other packages."""
    own = [backend.name for backend in _OWN]
    others = sorted(point.name for point in metadata.entry_points(group=ENTRY_POINT))
    return tuple(dict.fromkeys([*own, *others]))


def get_backend(name: str) -> Backend:
    """The backend of this name. Raises `BadInput` where there is none."""
    for backend in _OWN:
        if backend.name == name:
            return backend()
    for point in metadata.entry_points(group=ENTRY_POINT):
        if point.name == name:
            loaded: Backend = point.load()()
            return loaded
    raise BadInput(f"there is no backend {name!r}", remedy=did_you_mean(name, backend_names()))
