"""What this machine is: architecture, board, processor, instruction sets."""

from __future__ import annotations

import functools
import os
import platform
import re
from pathlib import Path

from edgemed.types.processor import INSTRUCTION_SETS, arm_core

_TOLD = frozenset(name for names in INSTRUCTION_SETS.values() for name in names)


@functools.cache
def instruction_sets() -> frozenset[str]:
    """Instruction sets of this CPU that change speed or numerics, by their Linux names; empty if unknown."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split()) & _TOLD
    return frozenset()


def free_memory() -> int | None:
    """Bytes that programs can have without swapping, as Linux estimates them; None if unknown."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    found = re.search(r"^MemAvailable: *(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) << 10 if found else None


def board_name() -> str:
    """How a board calls itself, such as `Raspberry Pi 5 Model B Rev 1.0`; empty where nothing tells."""
    try:
        return Path("/proc/device-tree/model").read_text(errors="replace").rstrip("\0\n")
    except OSError:
        return ""


def host_facts() -> dict[str, str]:
    """Facts for a manifest: arch, board, cpu, instruction_sets, cores, system, python. They name nobody."""
    return {
        "arch": platform.machine(),
        "board": board_name(),
        "cpu": _cpu_name(),
        "instruction_sets": " ".join(sorted(instruction_sets())),
        "cores": str(os.cpu_count() or 0),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    told: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        told.setdefault(key.strip(), value.strip())
    if "model name" in told:
        return told["model name"]
    if "CPU part" in told:
        return arm_core(told.get("CPU implementer", ""), told["CPU part"])
    return platform.processor()
