"""Instruction sets that change the speed or the numbers of a classifier, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Arch = Literal["x86_64", "aarch64"]

INSTRUCTION_SETS: Mapping[Arch, tuple[str, ...]] = {
    "x86_64": (
        "sse4_1", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16",
        "amx_int8", "amx_bf16",
    ),
    "aarch64": ("asimd", "asimddp", "i8mm", "bf16", "fphp", "sve"),
}  # fmt: skip
"""By their names in Linux' /proc/cpuinfo."""

_ALSO_CALLED = {"AMD64": "x86_64", "arm64": "aarch64"}
_ARM = "0x41"
_ARM_CORES = {
    "0xd03": "Cortex-A53", "0xd05": "Cortex-A55", "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76",
    "0xd42": "Cortex-A78AE",
}  # fmt: skip
"""By the part number of MIDR_EL1: arch/arm64/include/asm/cputype.h of Linux."""
_VNNI = {"avx512_vnni", "avx_vnni", "amx_int8"}


def arch_of(machine: str) -> str:
    """What `platform.machine()` says, by the name that Linux has for it."""
    return _ALSO_CALLED.get(machine, machine)


def arm_core(implementer: str, part: str) -> str:
    """The core that an ARM system's /proc/cpuinfo has numbers for, as `Cortex-A76`; else the numbers."""
    if implementer == _ARM and part in _ARM_CORES:
        return _ARM_CORES[part]
    return f"implementer {implementer or 'unknown'} part {part}"


def int8_sums_saturate(arch: str, sets: frozenset[str]) -> bool:
    """Whether int8 kernels add u8 x s8 products in 16 bits here: x86 without VNNI (vpmaddubsw)."""
    return arch_of(arch) == "x86_64" and not sets & _VNNI
