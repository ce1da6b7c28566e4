"""Load time and memory of one artefact. Run it in a fresh child process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgemed.runtime import Session, read_manifest


@dataclass(frozen=True)
class LoadCost:
    """Import of the runtime, load and first answer in ms; growth of peak resident memory in MiB."""

    load_ms: float
    memory_mib: float


def load_cost(folder: Path, inputs: Mapping[str, NDArray[Any]]) -> LoadCost:
    manifest = read_manifest(folder)
    before = _resident_mib("VmRSS")
    start = time.perf_counter()
    session = Session.load_unverified(folder, manifest)
    session.run(inputs)
    return LoadCost((time.perf_counter() - start) * 1e3, max(0.0, _resident_mib("VmHWM") - before))


def _resident_mib(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return 0.0
