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
    """Version of a package, empty where it cannot be used. Imports it only where nothing else tells."""
    try:
        return metadata.version(_MODULES[package])
    except metadata.PackageNotFoundError:
        if util.find_spec(_MODULES[package]) is None:
            return ""
    try:  # bindings of a system package may come without metadata
        return str(load(package).__version__)
    except (Unavailable, AttributeError):  # AttributeError: a folder of that name is no package
        return ""


def load(package: EnginePackage) -> ModuleType:
    """The module. Raises `Unavailable` where it is not installed or its libraries are missing."""
    try:
        return importlib.import_module(_MODULES[package])
    except (ImportError, OSError) as error:
        raise unavailable(package, str(error)) from None


def unavailable(package: EnginePackage, why: str = "") -> Unavailable:
    """The error for a package that is not here, with the way to install it."""
    problem = f"{package} cannot be imported: {why}" if why else f"{package} is not installed"
    return Unavailable(problem, remedy=_REMEDIES[package])


def remedy(package: EnginePackage) -> str:
    """How it is installed."""
    return _REMEDIES[package]
