"""SIMULATED raw MR signals of whole heads at 50 mT, with and without MS lesions. No image is ever formed.

Sequence: two shots of a CPMG train, the first after saturation, the second after inversion. Each of the 16
echoes per shot, 20 ms apart, is read under a gradient along x, y or z in turn, 32 complex samples across
k = 0: 1024 complex samples a head. A sample is the sum over tissues of volume x proton density x T1 weight x
exp(-TE / T2) x the Fourier transform of the tissue's projection on the gradient's axis.

Left out, and so easier than life: B0 and B1 errors, stimulated echoes, diffusion, motion, partial relaxation
between shots, coil sensitivity, and anatomy beyond size, position and tissue volumes. The relaxation times
are those of `edgemed.mr.tissue`, which says where each comes from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgemed.demo.head import Floats, Head
from edgemed.mr.tissue import LESION, TISSUES

_TISSUES = TISSUES[: LESION + 1]
T1_MS = np.array([1000.0 * tissue.t1_s for tissue in _TISSUES])
T2_MS = np.array([1000.0 * tissue.t2_s for tissue in _TISSUES])
PROTON_DENSITY = np.array([tissue.proton_density for tissue in _TISSUES])
SHOTS, ECHOES, SAMPLES = 2, 16, 32
ECHO_SPACING_MS, RECOVERY_MS, INVERSION_MS = 20.0, 1000.0, 400.0
FIELD_OF_VIEW_MM = 320.0


@dataclass(frozen=True)
class Setting:
    """What makes the task easy or hard. Volumes in mL, log-uniform between their two ends.

    `snr`: magnitude of the first echo's peak over the noise's standard deviation, per complex sample.
    `relaxation_spread` and `volume_spread`: relative standard deviation between heads.
    """

    snr: float = 2000.0
    lesion_ml: tuple[float, float] = (3.0, 40.0)
    control_ml: tuple[float, float] = (0.1, 1.0)
    relaxation_spread: float = 0.01
    volume_spread: float = 0.05

    def describe(self) -> str:
        return (
            f"SNR {self.snr:g} per complex sample, lesions {self.lesion_ml[0]:g}-{self.lesion_ml[1]:g} mL, "
            f"controls with {self.control_ml[0]:g}-{self.control_ml[1]:g} mL of age-type hyperintensities, "
            f"relaxation times spread by {self.relaxation_spread:.1%}, tissue volumes by "
            f"{self.volume_spread:.0%}, unseen heads of one atlas"
        )


@dataclass(frozen=True)
class SimulatedSignals:
    """`signals` float32 (n, 2, 1024), I and Q; `labels` uint8 (n,), 1 with lesions; `lesion_ml` (n,)."""

    signals: NDArray[np.float32]
    labels: NDArray[np.uint8]
    lesion_ml: Floats


def simulate(head: Head, count: int, seed: int, setting: Setting) -> SimulatedSignals:
    """`count` heads, half of them (by coin) with MS lesions. The same seed gives the same signals."""
    random = np.random.default_rng(seed)
    labels = (random.random(count) < 0.5).astype(np.uint8)
    low, high = np.where(labels[:, None] == 1, setting.lesion_ml, setting.control_ml).T
    lesion_ml = np.exp(random.uniform(np.log(low), np.log(high)))
    space = _projections(head, lesion_ml, setting, random)
    time = _weights(count, setting, random)

    # echo e of a shot is read along axis e % 3
    axes = np.arange(ECHOES) % 3
    clean = np.einsum("ntse,nterx->nserx", time, space[:, :, axes, :, None])[..., 0]
    clean = clean.reshape(count, -1)
    peak = np.abs(clean[:, :SAMPLES]).max(1, keepdims=True)
    noise = random.standard_normal((2, *clean.shape)) / np.sqrt(2.0)
    signals = clean + (noise[0] + 1j * noise[1]) * peak / setting.snr
    gain = random.normal(1.0, 0.1, (count, 1)) / 1000.0
    signals = signals * gain * np.exp(1j * random.uniform(-np.pi, np.pi, (count, 1)))
    both = np.stack((signals.real, signals.imag), 1).astype(np.float32)
    return SimulatedSignals(both, labels, lesion_ml)


def _projections(
    head: Head, lesion_ml: Floats, setting: Setting, random: np.random.Generator
) -> NDArray[np.complex128]:
    """Fourier transforms of each tissue's projection: (n, tissues + lesion, 3 axes, samples), in mL."""
    count = len(lesion_ml)
    k = 2.0 * np.pi * (np.arange(SAMPLES) - SAMPLES // 2) / FIELD_OF_VIEW_MM
    size = random.normal(1.0, 0.03, (count, 3))
    shift_mm = random.normal(0.0, 3.0, (count, 3))
    volumes = random.normal(1.0, setting.volume_spread, (count, LESION))
    blobs = 12
    share = random.dirichlet(np.ones(blobs), count) * lesion_ml[:, None]
    sites = head.sites[random.choice(len(head.sites), (count, blobs), p=head.site_odds)]
    radius_mm = np.cbrt(share * 1000.0 * 3.0 / (4.0 * np.pi))
    variance = radius_mm**2 / 5.0

    space = np.empty((count, len(_TISSUES), 3, SAMPLES), np.complex128)
    for axis in range(3):
        scaled = k * size[:, axis, None]
        waves = np.exp(-1j * scaled[..., None] * head.positions[axis])
        shift = np.exp(-1j * k * shift_mm[:, axis, None])[:, None]
        space[:, :LESION, axis] = np.einsum("nrp,tp->ntr", waves, head.profiles[axis]) * shift
        blob_waves = np.exp(
            -1j * scaled[:, None] * sites[:, :, axis, None] - 0.5 * scaled[:, None] ** 2 * variance[..., None]
        )
        space[:, LESION, axis] = (share[..., None] * blob_waves).sum(1) * shift[:, 0]
    space[:, :LESION] *= volumes[:, :, None, None]
    space[:, 0] -= space[:, LESION]
    return space


def _weights(count: int, setting: Setting, random: np.random.Generator) -> Floats:
    """What T1, T2 and proton density leave of each tissue: (n, tissues + lesion, shots, echoes)."""
    spread = np.full(len(T1_MS), setting.relaxation_spread)
    spread[LESION] = 0.15
    t1 = T1_MS * random.normal(1.0, spread, (count, len(T1_MS)))
    t2 = T2_MS * random.normal(1.0, spread, (count, len(T2_MS)))
    saturated = 1.0 - np.exp(-RECOVERY_MS / t1)
    inverted = 1.0 - 2.0 * np.exp(-INVERSION_MS / t1)
    echo_ms = ECHO_SPACING_MS * np.arange(1, ECHOES + 1)
    decay = np.exp(-echo_ms / t2[..., None])
    shots = PROTON_DENSITY[:, None] * np.stack((saturated, inverted), 2)
    return np.asarray(shots[..., None] * decay[:, :, None])
