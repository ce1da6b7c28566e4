"""What an artefact folder says of its engines, and what an engine has to be to run on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgemed.backends.tensorrt.gpu import Gpu
from edgemed.backends.tensorrt.package import installed_version, load, unavailable
from edgemed.errors import BadInput, Untrusted
from edgemed.types import Engine, EngineList, EnginePackage

ENGINES_FILE = "engines.json"
GRAPH_FILE = "model.onnx"


@dataclass(frozen=True)
class Machine:
    """What an engine has to be of, beside its graph."""

    package: EnginePackage
    version: str
    gpu: Gpu

    def differs(self, engine: Engine) -> str:
        """What `engine` is for, where that is not this machine; else empty."""
        if (engine.package, engine.version) != (self.package, self.version):
            return f"{engine.package} {engine.version}"
        if engine.compute_capability != self.gpu.compute_capability:
            return f"compute capability {engine.compute_capability}"
        if engine.driver not in ("", self.gpu.driver):
            return f"driver {engine.driver}"
        return ""


@dataclass(frozen=True)
class EnginePlace:
    """Where an engine lies, and what it is."""

    path: Path
    engine: Engine


def this_machine(package: EnginePackage, gpu: Gpu) -> Machine:
    """Raises `Unavailable` where the package is missing or cannot be imported."""
    version = installed_version(package)
    if not version:
        load(package)
        raise unavailable(package)
    return Machine(package, version, gpu)


def read_engines(folder: Path) -> EngineList:
    """`engines.json` of an artefact folder. Raises `Untrusted` where it is missing or broken."""
    try:
        return EngineList.from_json((folder / ENGINES_FILE).read_text(encoding="utf-8"), ENGINES_FILE)
    except (OSError, UnicodeDecodeError, BadInput) as error:
        raise Untrusted(f"{ENGINES_FILE} cannot be read: {error}", where=str(folder)) from None
