"""Executes artefacts. Needs numpy and one runtime, nothing else."""

from edgemed.runtime.artefact import (
    ARTEFACTS,
    MANIFEST_FILE,
    artefacts_below,
    golden_inputs,
    is_artefact,
    read_manifest,
    read_verdict,
    verify_files,
)
from edgemed.runtime.fastest import TUNED_FILE, fastest_here, read_tuned
from edgemed.runtime.golden import GOLDEN_FILE, GoldenCases
from edgemed.runtime.host import board_name, host_facts, instruction_sets
from edgemed.runtime.session import Session
from edgemed.types.processor import int8_sums_saturate

__all__ = [
    "ARTEFACTS",
    "GOLDEN_FILE",
    "MANIFEST_FILE",
    "TUNED_FILE",
    "GoldenCases",
    "Session",
    "artefacts_below",
    "board_name",
    "fastest_here",
    "golden_inputs",
    "host_facts",
    "instruction_sets",
    "int8_sums_saturate",
    "is_artefact",
    "read_manifest",
    "read_tuned",
    "read_verdict",
    "verify_files",
]
