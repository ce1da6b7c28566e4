"""Executes artefacts. Needs numpy and one runtime, nothing else."""

from edgemed.runtime.artefact import (
    MANIFEST_FILE,
    golden_inputs,
    is_artefact,
    read_manifest,
    verify_files,
)
from edgemed.runtime.golden import GOLDEN_FILE, GoldenCases
from edgemed.runtime.host import board_name, host_facts, instruction_sets
from edgemed.runtime.session import Session
from edgemed.types.processor import int8_sums_saturate

__all__ = [
    "GOLDEN_FILE",
    "MANIFEST_FILE",
    "GoldenCases",
    "Session",
    "board_name",
    "golden_inputs",
    "host_facts",
    "instruction_sets",
    "int8_sums_saturate",
    "is_artefact",
    "read_manifest",
    "verify_files",
]
