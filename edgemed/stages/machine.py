"""The machine at hand beside a target: whether it can stand for it, and what it cannot compute as it does."""

from __future__ import annotations

from edgemed.backends.tensorrt.gpu import find_gpu
from edgemed.errors import Unavailable
from edgemed.runtime import board_name, host_facts, instruction_sets, int8_sums_saturate
from edgemed.targets import Target


def misfits_here(target: Target) -> tuple[str, ...]:
    """Why times that are taken here would not be the target's, in words; empty where they are."""
    try:
        capability = find_gpu().compute_capability if target.tensorrt else ""
    except Unavailable:
        capability = ""
    return target.misfits(
        host_facts()["arch"], instruction_sets(), board=board_name(), compute_capability=capability
    )


def sums_saturate(target: Target) -> bool:
    """Whether int8 sums do so on the target or on this machine, which judges for it."""
    arch, sets = host_facts()["arch"], instruction_sets()
    return target.int8_sums_saturate(arch, sets) or int8_sums_saturate(arch, sets)
