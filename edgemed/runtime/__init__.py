"""Executes artefacts. Needs numpy and one runtime, nothing else."""

from edgemed.runtime.artefact import (
    MANIFEST_FILE,
    golden_inputs,
    is_artefact,
    read_manifest,
    verify_files,
)
from edgemed.runtime.golden import GOLDEN_FILE, GoldenCases
from edgemed.runtime.host import host_facts, instruction_sets, int8_sums_saturate
from edgemed.runtime.session import Session

__all__ = [
    "GOLDEN_FILE",
    "MANIFEST_FILE",
    "GoldenCases",
    "Session",
    "golden_inputs",
    "host_facts",
    "instruction_sets",
    "int8_sums_saturate",
    "is_artefact",
    "read_manifest",
    "verify_files",
]
