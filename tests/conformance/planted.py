"""Raw signals that are no heads': a decay, and in every second one a faster one beside it, as large as its
volume. Learnt in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SHOTS, ECHOES, SAMPLES = 2, 6, 8
NOISE = 0.05


def planted(n: int, seed: int, *, noise: float = NOISE) -> dict[str, Any]:
    """Arrays of a set of `n` signals, as an `.npz` of raw signals holds them."""
    random = np.random.default_rng(seed)
    lesion = np.arange(n) % 2
    volume = lesion * random.uniform(1.0, 5.0, n)
    echo = np.arange(ECHOES)
    train = 10.0 * np.exp(-echo / 6.0) + volume[:, None] * np.exp(-echo / 1.5)
    shape = np.hanning(SAMPLES + 2)[1:-1]
    signal = np.einsum("ne,t,s->ntes", train, np.array([1.0, 0.5]), shape)[..., None]
    spread = noise * (random.standard_normal(signal.shape) + 1j * random.standard_normal(signal.shape))
    return {
        "signal": (signal + spread).astype(np.complex64),
        "lesion": lesion,
        "volume": volume,
        "patient": np.array([f"{seed}-{number}" for number in range(n)]),
        "dwell_time_s": np.float64(2e-4),
        "larmor_frequency_hz": np.float64(2.1e6),
        "echo_times_s": 0.01 * (echo + 1),
        "protocol": np.array("planted"),
    }


def write_planted(path: Path, n: int, seed: int, **more: Any) -> None:
    """`planted` as the archive `path`; `more` are further arrays, or others under the same name."""
    np.savez(path, **{**planted(n, seed), **more})
