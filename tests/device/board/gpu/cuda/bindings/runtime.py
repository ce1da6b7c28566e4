"""A GPU that is missing here, in host memory: what edgemed calls of `cuda.bindings.runtime`, as strict.

BOARD_GPU is its compute capability, BOARD_CUDA the newest CUDA that its driver runs, both as in `8.7`. This
CUDA is 12.
"""

from __future__ import annotations

import ctypes
import enum
import os

_held: dict[int, ctypes.Array] = {}
_streams: set[int] = set()


class cudaError_t(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100
    cudaErrorInvalidResourceHandle = 400


class cudaDeviceAttr(enum.IntEnum):
    cudaDevAttrComputeCapabilityMajor = 75
    cudaDevAttrComputeCapabilityMinor = 76


class cudaMemcpyKind(enum.IntEnum):
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2


class cudaStream_t:
    def __init__(self, init_value: int = 0) -> None:
        self._value = init_value

    def __int__(self) -> int:
        return self._value


def cudaGetDeviceCount():
    if _newest_cuda() < (12, 0):
        return cudaError_t.cudaErrorInsufficientDriver, None
    return (cudaError_t.cudaSuccess, 1) if _gpu() else (cudaError_t.cudaErrorNoDevice, None)


def cudaDriverGetVersion():
    major, minor = _newest_cuda()
    return cudaError_t.cudaSuccess, 1000 * major + 10 * minor


def cudaDeviceGetAttribute(attr, device):
    part = list(cudaDeviceAttr).index(cudaDeviceAttr(attr))
    return cudaError_t.cudaSuccess, int(_gpu().split(".")[part])


def cudaMalloc(size):
    if os.environ.get("BOARD_MODE") == "no-memory":
        return cudaError_t.cudaErrorMemoryAllocation, None
    block = ctypes.create_string_buffer(size)
    _held[ctypes.addressof(block)] = block
    return cudaError_t.cudaSuccess, ctypes.addressof(block)


def cudaFree(devPtr):
    known = _held.pop(int(devPtr), None) is not None
    return (cudaError_t.cudaSuccess if known else cudaError_t.cudaErrorInvalidValue,)


def cudaStreamCreate():
    _streams.add(len(_streams) + 1)
    return cudaError_t.cudaSuccess, cudaStream_t(len(_streams))


def cudaStreamSynchronize(stream):
    return (_status(int(stream) in _streams, cudaError_t.cudaErrorInvalidResourceHandle),)


def cudaStreamDestroy(stream):
    known = int(stream) in _streams
    _streams.discard(int(stream))
    return (_status(known, cudaError_t.cudaErrorInvalidResourceHandle),)


def cudaMemcpyAsync(dst, src, count, kind, stream):
    on_device = dst if cudaMemcpyKind(kind) == cudaMemcpyKind.cudaMemcpyHostToDevice else src
    fits = on_device in _held and count <= len(_held[on_device]) and int(stream) in _streams
    if fits:
        ctypes.memmove(dst, src, count)
    return (_status(fits, cudaError_t.cudaErrorInvalidValue),)


def _status(good: bool, otherwise: cudaError_t) -> cudaError_t:
    return cudaError_t.cudaSuccess if good else otherwise


def _newest_cuda() -> tuple[int, int]:
    major, minor = map(int, os.environ.get("BOARD_CUDA", "12.6").split("."))
    return major, minor


def _gpu() -> str:
    return os.environ.get("BOARD_GPU", "8.7")
