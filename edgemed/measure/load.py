"""Load time and memory of one artefact, as a device pays them. Run it in a fresh child process."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from edgemed.child import peak_mib
from edgemed.runtime import Session, golden_inputs

LOAD_TIMEOUT_S = 1200.0
"""A runtime that has not loaded an artefact by then hangs."""


@dataclass(frozen=True)
class LoadCost:
    """ms for the runtime's import, digests, load, golden replay and an answer; MiB of growth of the peak."""

    load_ms: float
    memory_mib: float


def load_cost(folder: Path, threads: int | None = None) -> LoadCost:
    """Raises what `Session.load` raises."""
    _forget_peak()
    before = peak_mib()
    start = time.perf_counter()
    session = Session.load(folder, threads=threads)
    session.execute(golden_inputs(folder, 1))
    return LoadCost((time.perf_counter() - start) * 1e3, peak_mib() - before)


def _forget_peak() -> None:
    """The peak becomes what is held now, on a Linux that allows it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
