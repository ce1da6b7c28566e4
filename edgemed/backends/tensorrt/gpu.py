"""The NVIDIA GPU of this machine, as the CUDA runtime tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgemed.errors import Unavailable

REMEDY = "pip install 'cuda-bindings==12.*' for JetPack 6, cuda-bindings>=13 elsewhere"


@dataclass(frozen=True)
class Gpu:
    """`compute_capability` as in `8.7`; `driver` is the newest CUDA that the driver runs, as in `12.6`."""

    compute_capability: str
    driver: str


def find_gpu() -> Gpu:
    """GPU 0. Raises `Unavailable` where there is none, or nothing to speak to it with."""
    cudart = cuda_runtime()
    try:
        count = call(cudart.cudaGetDeviceCount)
    except Unavailable as error:
        raise Unavailable(f"no NVIDIA GPU here ({error.problem})", remedy=error.remedy) from None
    if count < 1:
        raise Unavailable("no NVIDIA GPU here", remedy="run it on the board")
    kinds = cudart.cudaDeviceAttr
    major = call(cudart.cudaDeviceGetAttribute, kinds.cudaDevAttrComputeCapabilityMajor, 0)
    minor = call(cudart.cudaDeviceGetAttribute, kinds.cudaDevAttrComputeCapabilityMinor, 0)
    driver = call(cudart.cudaDriverGetVersion)
    return Gpu(f"{major}.{minor}", f"{driver // 1000}.{driver % 1000 // 10}")


def cuda_runtime() -> Any:
    """`cuda.bindings.runtime`. Raises `Unavailable`."""
    try:
        from cuda.bindings import runtime
    except (ImportError, OSError, RuntimeError) as error:
        raise Unavailable(f"cuda-bindings cannot be imported: {error}", remedy=REMEDY) from None
    return runtime


def call(function: Any, *arguments: Any) -> Any:
    """What a CUDA function gives beside its status. Raises `Unavailable` with the status' name."""
    try:
        status, *values = function(*arguments)
    except RuntimeError as error:  # the driver's library is missing
        raise Unavailable(f"no NVIDIA driver: {error}", remedy="run it on the board") from None
    if int(status) != 0:
        raise Unavailable(f"CUDA: {getattr(status, 'name', status)}", remedy="run it on the board")
    return values[0] if values else None
