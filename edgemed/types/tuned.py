"""Tuned: what measuring artefacts on their device found, `tuned.json`."""

from __future__ import annotations

from edgemed.errors import BadInput
from edgemed.types.figures import Latency, SpeedRatio
from edgemed.types.limits import Limits
from edgemed.types.manifest import Precision
from edgemed.types.record import Record

TUNED_VERSION = 1


class TunedArtefact(Record):
    """One artefact as measured. `manifest` is the sha256 of its manifest.json, which names all its files."""

    manifest: str
    backend: str
    precision: Precision
    latency: Latency
    ratio: SpeedRatio
    """Against the baseline."""
    load_ms: float
    memory_mib: float
    stamps: tuple[str, ...]
    """Of its manifest."""
    missed: tuple[str, ...]
    """Limits that it misses, in words."""
    target: str = ""
    """Of its manifest."""


class Tuned(Record):
    """Artefacts by the path of their folder, seen from the folder of this file.

    `best` is the fastest that misses no limit, None where there is none; `baseline` the one that all were
    compared with; `refused` tells why others were not measured.
    """

    best: str | None
    baseline: str
    artefacts: dict[str, TunedArtefact]
    refused: dict[str, str]
    limits: Limits
    launches: int
    seconds: float
    """Per artefact and launch."""
    host: dict[str, str]
    tools: dict[str, str]
    format_version: int = TUNED_VERSION

    def __post_init__(self) -> None:
        if self.format_version != TUNED_VERSION:
            raise BadInput(
                f"format version {self.format_version}; this edgemed reads {TUNED_VERSION}",
                where="format_version",
            )
        for role, name in (("best", self.best), ("baseline", self.baseline)):
            if name is not None and name not in self.artefacts:
                raise BadInput(f"{name!r} was not measured", where=role)
        if self.best is not None and self.artefacts[self.best].missed:
            raise BadInput(f"{self.best!r} misses a limit", where="best")
