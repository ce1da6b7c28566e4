"""What this machine is: architecture, processor, instruction sets."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

_TOLD = (
    "sse4_1", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8",
    "amx_bf16", "asimd", "asimddp", "i8mm", "bf16", "fphp", "sve",
)  # fmt: skip


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
            return frozenset(value.split()) & frozenset(_TOLD)
    return frozenset()


def int8_sums_saturate(arch: str, sets: frozenset[str]) -> bool:
    """Whether int8 kernels add u8 x s8 products in 16 bits here: x86 without VNNI (vpmaddubsw)."""
    return arch in ("x86_64", "AMD64") and not sets & {"avx512_vnni", "avx_vnni", "amx_int8"}


def host_facts() -> dict[str, str]:
    """Facts for a manifest: arch, cpu, instruction_sets, cores, system. No host name, no user name."""
    return {
        "arch": platform.machine(),
        "cpu": _cpu_name(),
        "instruction_sets": " ".join(sorted(instruction_sets())),
        "cores": str(os.cpu_count() or 0),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor()
