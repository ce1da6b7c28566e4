"""The NVIDIA GPU of this machine, as the CUDA runtime tells it."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgemed.errors import Unavailable

_BOARD = "run it on a machine with an NVIDIA GPU and its driver"
_JETPACK_6 = "; on JetPack 6 pip install 'cuda-bindings==12.*'"
_BINDINGS = f"pip install 'cuda-bindings>=13'{_JETPACK_6}"
_CAUSES = {
    "cudaErrorNoDevice": ("the driver finds none", _BOARD),
    "cudaErrorInsufficientDriver": (
        "its driver is not installed, or too old for the CUDA of cuda-bindings",
        f"install NVIDIA's driver, or a newer one{_JETPACK_6}",
    ),
    "cudaErrorMemoryAllocation": ("the GPU has no memory left", "end what else runs on it"),
}
"""What is wrong, and what to do, by CUDA's name for it."""
_KERNEL_MODULE = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Gpu:
    """`compute_capability` as in `8.7`; `driver` as in `12.6 540.4.0`: the newest CUDA that it runs, and its
    release where that is told."""

    compute_capability: str
    driver: str


def find_gpu() -> Gpu:
    """GPU 0. Raises `Unavailable` where there is none, or nothing to speak to it with."""
    cudart = cuda_runtime()
    try:
        count = call(cudart.cudaGetDeviceCount)
    except Unavailable as error:
        raise Unavailable(f"no NVIDIA GPU here: {error.problem}", remedy=error.remedy or _BOARD) from None
    if count < 1:
        raise Unavailable("no NVIDIA GPU here", remedy=_BOARD)
    kinds = cudart.cudaDeviceAttr
    major = call(cudart.cudaDeviceGetAttribute, kinds.cudaDevAttrComputeCapabilityMajor, 0)
    minor = call(cudart.cudaDeviceGetAttribute, kinds.cudaDevAttrComputeCapabilityMinor, 0)
    newest = call(cudart.cudaDriverGetVersion)
    try:
        release = driver_release(_KERNEL_MODULE.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        release = ""
    return Gpu(f"{major}.{minor}", f"{newest // 1000}.{newest % 1000 // 10} {release}".rstrip())


def driver_release(told: str) -> str:
    """The release in what the driver's kernel module tells of itself, as in `540.4.0`; else empty."""
    found = re.search(r"^NVRM version:.*?\s(\d+(?:\.\d+)+)\s", told, re.MULTILINE)
    return found[1] if found else ""


def cuda_runtime() -> Any:
    """`cuda.bindings.runtime`. Raises `Unavailable`."""
    try:
        from cuda.bindings import runtime
    except (ImportError, OSError, RuntimeError) as error:
        remedy = fitting(_BINDINGS, platform.machine())
        raise Unavailable(f"cuda-bindings cannot be imported: {error}", remedy=remedy) from None
    return runtime


def fitting(remedy: str, arch: str) -> str:
    """Without what is for JetPack 6 where the machine cannot be such a board."""
    return remedy if arch == "aarch64" else remedy.removesuffix(_JETPACK_6)


def call(function: Any, *arguments: Any) -> Any:
    """What a CUDA function gives beside its status. Raises `Unavailable` with the status's name."""
    try:
        status, *values = function(*arguments)
    except RuntimeError as error:  # the driver's library is missing
        raise Unavailable(f"there is no NVIDIA driver: {error}", remedy=_BOARD) from None
    if int(status) != 0:
        name = getattr(status, "name", str(status))
        cause, remedy = _CAUSES.get(name, ("CUDA failed", ""))
        raise Unavailable(f"{cause} ({name})", remedy=fitting(remedy, platform.machine()))
    return values[0] if values else None
