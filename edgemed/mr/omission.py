"""Omission: parts of a signal that were not taken, and what stands in their place."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Omitted = Literal["samples", "echoes", "block"]

_KINDS: tuple[Omitted, ...] = ("samples", "echoes", "block")
_STREAM = 2
"""Behind those of a subject and of its noise, see `edgemed.mr.simulate`."""

FILL = (
    "What is omitted is filled with the complex multiple of the mean signal that fits the rest of the signal "
    "best (least squares); the mean is that of the base point's own signals, each turned by the phase of its "
    "first echo's sum. A device that loses samples needs such a fill: zeros would measure the fill."
)


def omission(
    kind: Omitted, share: float, shape: tuple[int, int, int], *, seed: int, number: int
) -> NDArray[np.bool_]:
    """(shots, echoes, samples): what head `number` of `seed` lacks.

    `samples` and `echoes` go at random, a `block` of echoes one after the other in the order of acquisition.
    Of a larger share the same is gone, and more.
    """
    shots, echoes, samples = shape
    random = np.random.default_rng(
        np.random.SeedSequence(seed, spawn_key=(number, _STREAM, _KINDS.index(kind)))
    )
    parts = shots * echoes * (samples if kind == "samples" else 1)
    count = round(share * parts)
    gone = np.zeros(parts, bool)
    if kind == "block":
        first = int(random.random() * (parts - count + 1))
        gone[first : first + count] = True
    else:
        gone[random.permutation(parts)[:count]] = True
    units = (shots, echoes, samples if kind == "samples" else 1)
    return np.broadcast_to(gone.reshape(units), shape)


def mean_signal(signals: NDArray[np.complex64]) -> Complex:
    """Of signals (n, shots, echoes, samples, coils), each turned so that its first echo sums to a positive
    real number."""
    whole = signals.astype(np.complex128)
    first = whole[:, 0, 0].sum((1, 2))
    turn = first.conj() / np.abs(first)
    return np.asarray((whole * turn[:, None, None, None, None]).mean(0))


def filled(
    signal: NDArray[np.complex64], gone: NDArray[np.bool_], template: Complex
) -> NDArray[np.complex64]:
    """`signal` (shots, echoes, samples, coils) with the template where `gone`, as `FILL` says."""
    left = ~gone
    known = template[left]
    multiple = np.vdot(known, signal[left].astype(np.complex128)) / np.vdot(known, known)
    whole = signal.copy()
    whole[gone] = (multiple * template[gone]).astype(np.complex64)
    return whole
