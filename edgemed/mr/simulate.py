"""SIMULATED raw MR signals of whole heads, with and without MS lesions. No image is ever formed.

A sample is the sum over tissues of volume x proton density x what the pulses and T1 and T2 leave at its echo
(extended phase graphs, magnetisation carried over from shot to shot) x the Fourier transform of the tissue's
projection on the gradient, B0 errors included.

Left out, and so easier or harder than life: magnetisation transfer, diffusion, flow, motion, B1 that differs
within a head, several receiver coils, drift of the field, slice selection, skull and neck, scalp of other
thickness, several relaxation times within one tissue, any anatomy that is not a deformation of one atlas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.mr.anatomy import Anatomy
from edgemed.mr.epg import cpmg, invert, recover
from edgemed.mr.head import Head, load_head
from edgemed.mr.noise import noise_deviation
from edgemed.mr.protocol import Protocol
from edgemed.mr.subject import Subject
from edgemed.mr.task import Task
from edgemed.mr.tissue import Tissue
from edgemed.types import Acquisition

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

_SUBJECT, _NOISE = range(2)
_ML = 1e-3
"""Signals are in litres of fully relaxed water."""


@dataclass(frozen=True)
class SimulatedSignals:
    """`signals` complex64 (n, shots, echoes, samples, 1 coil), in litres of fully relaxed water.

    `lesion` uint8 (n,) is 1 for a case; `lesion_ml` float64 (n,) its MS lesions, 0 for controls, whose
    age-type `hyperintensity_ml` (n,) are no lesions. `subject` int64 (n,) numbers the heads of a seed.
    `clean`, of the signals' form, is without noise.
    """

    signals: NDArray[np.complex64]
    lesion: NDArray[np.uint8]
    lesion_ml: Floats
    hyperintensity_ml: Floats
    subject: NDArray[np.int64]
    acquisition: Acquisition
    clean: NDArray[np.complex64] | None = None


def simulate(
    task: Task, count: int, seed: int, *, first: int = 0, keep_clean: bool = False
) -> SimulatedSignals:
    """Subjects `first` to `first + count` of `seed`; half of them, by coin, are cases.

    A subject depends on the task, the seed and its number, so batches joined are bit for bit the whole, and
    ranges that do not overlap share no subject. Raises `BadInput` for a count below 1 or a negative seed or
    number, `Unavailable` where the tissue maps are missing.
    """
    if count < 1 or first < 0 or seed < 0:
        raise BadInput(
            f"{count} subjects from number {first} of seed {seed}: expected at least 1, and neither below 0",
            where="simulate",
        )
    head = load_head()
    numbers = np.arange(first, first + count)
    subjects = [Subject.draw(task.spread, _stream(seed, int(number), _SUBJECT)) for number in numbers]
    clean = np.stack([clean_signal(task, head, subject) for subject in subjects]).astype(np.complex64)
    lesion_ml = np.array([subject.lesion_ml for subject in subjects])
    return SimulatedSignals(
        signals=add_noise(clean, task.snr, seed, first=first),
        lesion=(lesion_ml > 0).astype(np.uint8),
        lesion_ml=lesion_ml,
        hyperintensity_ml=np.array([subject.hyperintensity_ml for subject in subjects]),
        subject=numbers,
        acquisition=task.protocol.acquisition,
        clean=clean if keep_clean else None,
    )


def add_noise(
    clean: NDArray[np.complex64], snr: float, seed: int, *, first: int = 0
) -> NDArray[np.complex64]:
    """Complex white noise on clean signals (n, shots, echoes, samples, coils) of subjects from `first` on.

    Its standard deviation, I and Q together, is the largest magnitude of each subject's first echo / `snr`.
    The noise of a subject and seed has the same shape at every `snr`.
    """
    noisy = np.empty_like(clean)
    for row, signal in enumerate(clean):
        random = np.random.default_rng(_stream(seed, first + row, _NOISE))
        noise = random.standard_normal((*signal.shape, 2)).view(np.complex128)[..., 0]
        deviation = noise_deviation(signal[0, 0], snr)
        noisy[row] = signal + noise * (deviation / np.sqrt(2.0))
    return noisy


def clean_signal(task: Task, head: Head, subject: Subject) -> Complex:
    """(shots, echoes, samples, 1) of one subject, without noise."""
    protocol = task.protocol
    density = np.array([tissue.proton_density for tissue in task.tissues])
    heights = tissue_echoes(protocol, task.tissues, subject) * density
    waves = _projections(protocol, Anatomy.of(head, subject), subject)
    times = protocol.sample_times_s
    line = np.exp(
        -2.0 * np.pi * (subject.linewidth_hz * np.abs(times) + 1j * subject.off_resonance_hz * times)
    )
    turns = np.arange(protocol.echoes) % len(waves)
    signal = np.einsum("set,etj->sej", heights, waves[turns]) * (line * subject.gain * _ML)
    return np.asarray(signal[..., None])


def tissue_echoes(protocol: Protocol, tissues: tuple[Tissue, ...], subject: Subject) -> Floats:
    """Echo heights (shots, echoes, tissues) relative to full relaxation, the first shot from equilibrium.

    What is transverse at the end of a shot is taken as spoiled.
    """
    t1 = np.array([tissue.t1_s for tissue in tissues]) * subject.t1_factor
    t2 = np.array([tissue.t2_s for tissue in tissues]) * subject.t2_factor
    longitudinal = np.ones(len(tissues))
    shots = []
    for wait in protocol.inversion_s:
        if wait is not None:
            longitudinal = recover(invert(longitudinal, subject.b1), wait, t1)
        heights, longitudinal = cpmg(
            longitudinal, t1, t2, subject.b1, spacing_s=protocol.echo_spacing_s, echoes=protocol.echoes
        )
        shots.append(heights)
        longitudinal = recover(longitudinal, protocol.shot_s - (wait or 0.0) - protocol.train_s, t1)
    return np.stack(shots)


def _projections(protocol: Protocol, anatomy: Anatomy, subject: Subject) -> Complex:
    """(gradients, tissues, samples) in mL: each tissue's projection, transformed.

    The head's own B0 gradient adds to the readout gradient, which it turns and lengthens a little.
    """
    rows = []
    for gradient in protocol.gradients_hz_per_mm + subject.b0_gradient_hz_per_mm:
        strength = float(np.linalg.norm(gradient))
        direction = gradient / strength if strength else np.array([1.0, 0.0, 0.0])
        places, volumes = anatomy.profiles(direction)
        rows.append(volumes @ np.exp(-2j * np.pi * strength * np.outer(places, protocol.sample_times_s)))
    return np.stack(rows)


def _stream(seed: int, number: int, use: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(number, use))
