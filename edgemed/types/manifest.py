"""Manifest: what an artefact folder says about itself."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from edgemed.errors import BadInput
from edgemed.types.limits import Limits
from edgemed.types.processor import arch_of
from edgemed.types.record import Record, digest_of
from edgemed.types.signal_range import SignalRange
from edgemed.types.tensor import InputSpec, OutputSpec
from edgemed.types.value_range import ValueRange

FORMAT_VERSION = 1
MOST_THREADS = 1024
MOST_GOLDEN_TOLERANCE = 0.1
MOST_GOLDEN_CASES = 4096
VERDICT_FILE = "verdict.json"

Precision = Literal["fp32", "fp16", "bf16", "int8"]


class Manifest(Record):
    """`manifest.json` of an artefact folder. `files` maps each other file's name to its sha256."""

    name: str
    version: str
    backend: str
    precision: Precision
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    preprocess: dict[str, Any]
    """Steps inside the graph and what readers do before it, by input name; nothing executes it."""
    files: dict[str, str]
    threads: int
    host: dict[str, str]
    """Machine that built it: arch, cpu, instruction_sets."""
    tools: dict[str, str]
    """Versions of what built it."""
    data: dict[str, str]
    """Digest of each data set that went in, by role (calibrate, select, accept)."""
    seed: int
    stamps: tuple[str, ...] = ()
    """Warnings that travel with the artefact, such as `speed only`."""
    target: str = ""
    limits: Limits = field(default_factory=Limits)
    """The target's, which `edgemed-device tune` holds it to."""
    pruned: bool = False
    unmeasured: str = ""
    """Why it was not measured on its target, in words; empty where it was."""
    stand_in: str = ""
    """What gave the answers that were judged where the hardware was missing, which never executed this."""
    signals: dict[str, SignalRange] = field(default_factory=dict)
    """By raw MR input, the range of signals that it answers."""
    values: dict[str, ValueRange] = field(default_factory=dict)
    """By other inputs, the range of values that it answers."""
    golden_source: Literal["synthetic", "real"] = "synthetic"
    golden_tolerance: float = 0.0
    """Largest difference of any output that a replay may show on a processor with the instruction sets of
    `host`."""
    golden_tolerances: dict[str, float] = field(default_factory=dict)
    """On other processors, by architecture; on one that is not named it is `golden_tolerance`."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= MOST_THREADS:
            raise BadInput(f"threads are not from 1 to {MOST_THREADS}", where="threads")
        for tolerance in (self.golden_tolerance, *self.golden_tolerances.values()):
            if not 0.0 <= tolerance <= MOST_GOLDEN_TOLERANCE:
                raise BadInput(
                    f"{tolerance:g} is not from 0 to {MOST_GOLDEN_TOLERANCE}", where="golden_tolerance"
                )
        shapes = {spec.name: spec.shape for spec in self.inputs}
        for name, each in self.values.items():
            if name not in shapes or (len(each.low) > 1 and shapes[name] != (len(each.low),)):
                raise BadInput(f"{len(each.low)} bounds are not those of an input", where=f"values.{name}")
        for role, specs in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [spec.name for spec in specs]
            if not names or len(set(names)) < len(names):
                raise BadInput(f"{role} are none, or two of one name", where=role)

    def golden_tolerance_on(self, arch: str, sets: frozenset[str]) -> float:
        """On a processor of `arch` with these instruction sets."""
        same_arch = arch_of(arch) == arch_of(self.host.get("arch", ""))
        alike = same_arch and " ".join(sorted(sets)) == self.host.get("instruction_sets")
        if alike:
            return self.golden_tolerance
        return self.golden_tolerances.get(arch_of(arch), self.golden_tolerance)

    @property
    def judged(self) -> str:
        """Digest of what gives the answers and what they mean: a verdict is bound to it.

        Not of the verdict itself, nor of what only describes the artefact.
        """
        ranges = {
            kind: {name: each.to_dict() for name, each in found.items()}
            for kind, found in (("signals", self.signals), ("values", self.values))
            if found
        }
        return digest_of(
            {
                "backend": self.backend,
                "precision": self.precision,
                "inputs": [_as_before(each) for each in self.inputs],
                "outputs": [each.to_dict() for each in self.outputs],
                "files": {name: sha for name, sha in self.files.items() if name != VERDICT_FILE},
                **ranges,
                "threads": self.threads,
                "stand_in": self.stand_in,
            }
        )


def _as_before(spec: InputSpec) -> dict[str, Any]:
    """Without what is not stated: digests of older artefacts are what they were."""
    return _stated(spec.to_dict())


def _stated(table: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _stated(value) if isinstance(value, dict) else value
        for name, value in table.items()
        if value is not None
    }
