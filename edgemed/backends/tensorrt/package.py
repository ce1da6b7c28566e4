"""The two packages that build and run engines: `tensorrt` of NVIDIA's SDK and `tensorrt-rtx` of the index."""

from __future__ import annotations

import importlib
from importlib import metadata, util
from types import ModuleType

from edgemed.errors import Unavailable
from edgemed.types import EnginePackage

_MODULES: dict[EnginePackage, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
_REMEDIES: dict[EnginePackage, str] = {
    "tensorrt": "it comes with JetPack or NVIDIA's SDK: give the virtual environment --system-site-packages",
    "tensorrt-rtx": "pip install 'edgemed[tensorrt-rtx]'",
}


def installed_version(package: EnginePackage) -> str:
    """Version of a package, empty where it is not installed. Imports it only where nothing else tells."""
    try:
        return metadata.version(_MODULES[package])
    except metadata.PackageNotFoundError:
        if util.find_spec(_MODULES[package]) is None:
            return ""
    return str(load(package).__version__)  # JetPack's bindings come without metadata


def load(package: EnginePackage) -> ModuleType:
    """The module. Raises `Unavailable` where it is not installed or its libraries are missing."""
    try:
        return importlib.import_module(_MODULES[package])
    except (ImportError, OSError) as error:
        raise Unavailable(
            f"{package} cannot be imported: {error}", where=package, remedy=_REMEDIES[package]
        ) from None


def remedy(package: EnginePackage) -> str:
    """How it is installed."""
    return _REMEDIES[package]
