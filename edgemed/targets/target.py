"""Target: what a compile may produce for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from edgemed.errors import BadInput
from edgemed.targets.wheel import Wheel
from edgemed.types import Precision, Record, did_you_mean
from edgemed.types.engine import EngineSpec
from edgemed.types.limits import Limits
from edgemed.types.processor import INSTRUCTION_SETS, Arch, arch_of, int8_sums_saturate

_OR = " or "
RTX_CAPABILITIES = ("8.0", "8.6", "8.9", "12.0", "12.1")
"""What tensorrt-rtx 1.7 builds classifiers for: see backends/tensorrt/SUPPORT.md."""


class Target(Record):
    """A device, or the machine at hand where `arch` is left out. `name` is its file's.

    Device or machine, it has at least one backend, and fp32 among its precisions: each runtime's fp32 is what
    its others must be faster than, and what takes the place of a choice that is refused. It need not have
    onnxruntime, which runs the original in any case.
    """

    name: str
    description: str
    backends: tuple[str, ...]
    """In order of preference."""
    precisions: tuple[Precision, ...]
    """Those tried on each backend."""
    arch: Arch | None = None
    board: str = ""
    """How the board calls itself in /proc/device-tree/model, or the beginning of that."""
    instruction_sets: tuple[str, ...] = ()
    """What every such device has; `"avx512_vnni or avx_vnni"` where it has one of several."""
    without: tuple[str, ...] = ()
    """What no such device has, where that changes speed or numbers."""
    limits: Limits = field(default_factory=Limits)
    wheel: Wheel = field(default_factory=Wheel)
    tensorrt: EngineSpec | None = None
    install: str = ""
    """What to do on the device, for people."""
    unverified: str = ""
    """What of all this was never seen on such a device."""
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.backends:
            raise BadInput("a target without a backend", where="backends")
        if "fp32" not in self.precisions:
            raise BadInput(
                "a target without fp32, which the other precisions are measured against and give way to",
                where="precisions",
                remedy='add "fp32"; the recipe and --precision tell what else is tried',
            )
        self._check_processor()
        self._check_wheel()
        self._check_tensorrt()

    @property
    def certain_sets(self) -> frozenset[str]:
        """The instruction sets that every such device has."""
        return frozenset(each for each in self.instruction_sets if _OR not in each)

    def misfits(
        self, machine: str, sets: frozenset[str], *, board: str = "", compute_capability: str = ""
    ) -> tuple[str, ...]:
        """Why a machine cannot stand for the target, in words; empty where it can.

        `machine` is `platform.machine()`, `board` the board's name, `compute_capability` that of the NVIDIA
        GPU; both are empty where there is none. Every machine can stand for the machine at hand.
        """
        if self.arch is None:
            return ()
        if arch_of(machine) != self.arch:
            return (f"it is {self.arch}, this machine {arch_of(machine)}",)
        reasons = [f"it has {each}" for each in self.instruction_sets if not sets & set(each.split(_OR))]
        reasons = [f"{each}, this machine has not" for each in reasons]
        reasons += [f"it has no {each}, this machine has" for each in self.without if each in sets]
        if not board.startswith(self.board):
            reasons.append(f"its board is {self.board}, this machine tells of {board or 'none'}")
        if self.tensorrt is not None and compute_capability not in self.tensorrt.compute_capabilities:
            wanted = _OR.join(self.tensorrt.compute_capabilities)
            found = f"one of {compute_capability}" if compute_capability else "none that is known"
            reasons.append(f"it has an NVIDIA GPU of compute capability {wanted}, this machine {found}")
        return tuple(reasons)

    def int8_sums_saturate(self, machine: str, sets: frozenset[str]) -> bool:
        """Whether int8 kernels of some such device add in 16 bits: x86 without VNNI.

        The machine is asked where the target is the machine at hand.
        """
        if self.arch is None:
            return int8_sums_saturate(machine, sets)
        spared = any(
            all(not int8_sums_saturate(self.arch, frozenset({name})) for name in each.split(_OR))
            for each in self.instruction_sets
        )
        return int8_sums_saturate(self.arch, frozenset()) and not spared

    def _check_processor(self) -> None:
        if self.board and self.arch is None:
            raise BadInput("a board of no arch", where="board", remedy='add arch = "x86_64" or "aarch64"')
        keys = {"instruction_sets": _names(self.instruction_sets), "without": list(self.without)}
        for key, entries in keys.items():
            if entries and self.arch is None:
                raise BadInput(
                    "instruction sets of no arch", where=key, remedy='add arch = "x86_64" or "aarch64"'
                )
            for name in entries:
                known = INSTRUCTION_SETS[self.arch] if self.arch else ()
                if name not in known:
                    raise BadInput(
                        f"{self.arch} has no instruction set {name!r}",
                        where=key,
                        remedy=did_you_mean(name, known),
                    )
        both = sorted(set(_names(self.instruction_sets)) & set(self.without))
        if both:
            raise BadInput(
                f"{both[0]} is in instruction_sets too", where="without", remedy="leave one of them out"
            )

    def _check_wheel(self) -> None:
        if self.wheel.platform and self.arch and not self.wheel.platform.endswith(f"_{self.arch}"):
            raise BadInput(f"{self.wheel.platform} is not for {self.arch}", where="wheel.platform")

    def _check_tensorrt(self) -> None:
        spec = self.tensorrt
        if spec is None:
            if self.arch is not None and "tensorrt" in self.backends:
                raise BadInput(
                    "tensorrt needs to know the GPU", where="backends", remedy="add a table [tensorrt]"
                )
            return
        if self.arch is None or "tensorrt" not in self.backends:
            raise BadInput(
                "a table for a backend that the target has not, or for the machine at hand",
                where="tensorrt",
                remedy='add "tensorrt" to backends and an arch, or leave the table out',
            )
        if spec.package == "tensorrt" and "tensorrt" in self.wheel.requires:
            raise BadInput(
                "TensorRT comes with the device's system; the index's does not fit it",
                where="wheel.requires.tensorrt",
                remedy="leave it out",
            )
        beyond = [each for each in spec.compute_capabilities if each not in RTX_CAPABILITIES]
        if spec.package == "tensorrt-rtx" and beyond:
            raise BadInput(
                f"tensorrt-rtx does not build for {beyond[0]}, only for {', '.join(RTX_CAPABILITIES)}",
                where="tensorrt.compute_capabilities",
                remedy='package = "tensorrt" builds the engine on the device',
            )


def _names(entries: Sequence[str]) -> list[str]:
    return [name for entry in entries for name in entry.split(_OR)]
