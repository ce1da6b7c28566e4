"""Subject: one simulated head and scanner, drawn from a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgemed.mr.spread import Spread
from edgemed.mr.tissue import HYPERINTENSITY, LESION, ORDER
from edgemed.mr.warp import MODES

Floats = NDArray[np.float64]

FOCI = 12
"""Places from which a head's lesions or hyperintensities grow."""
_SMALLEST = 0.2
"""Relative factors of a normal distribution are cut here, 4 standard deviations down at a spread of 20 %."""


@dataclass(frozen=True)
class Subject:
    """What differs between simulated heads; units as in `Spread`.

    Anatomy: `scale` (3,), `warp_mm` (modes, 3), `rotation` (3, 3), `shift_mm` (3,), `atrophy`. `t1_factor`
    and `t2_factor` (tissues,). `focus_odds` (foci,) numbers in [0, 1) that pick places in white matter, and
    `focus_size` (foci,) their relative radii. A case has `lesion_ml` and no hyperintensities, a control the
    reverse.
    """

    scale: Floats
    warp_mm: Floats
    rotation: Floats
    shift_mm: Floats
    atrophy: float
    t1_factor: Floats
    t2_factor: Floats
    lesion_ml: float
    hyperintensity_ml: float
    focus_odds: Floats
    focus_size: Floats
    gain: complex
    b1: float
    off_resonance_hz: float
    b0_gradient_hz_per_mm: Floats
    linewidth_hz: float

    @classmethod
    def draw(cls, spread: Spread, seed: np.random.SeedSequence) -> Subject:
        """Anatomy, disease and scanner come from streams of their own, and every number is drawn whatever its
        spread is: subjects of one seed under two spreads differ by what was changed and nothing else."""
        anatomy, tissue, disease, scanner = (np.random.default_rng(child) for child in _children(seed, 4))

        scale = _about_one(anatomy, spread.scale_cv, 3)
        warp_mm = spread.warp_mm * anatomy.standard_normal((MODES, 3))
        rotation = _rotation(math.radians(spread.rotation_deg) * anatomy.standard_normal(3))
        shift_mm = spread.shift_mm * anatomy.standard_normal(3)
        atrophy = min(spread.atrophy * abs(anatomy.standard_normal()), 0.5)

        diseased = np.isin(np.arange(len(ORDER)), (LESION, HYPERINTENSITY))
        t1, t2 = (
            _about_one(tissue, spread.relaxation_cv, len(ORDER))
            * np.where(diseased, _about_one(tissue, spread.lesion_cv, len(ORDER)), 1.0)
            for _ in range(2)
        )

        case = disease.random() < 0.5
        low, high = np.log(spread.lesion_ml)
        lesion_ml = math.exp(disease.uniform(low, high))
        aged_ml = spread.hyperintensity_ml * math.exp(
            spread.hyperintensity_log_sd * disease.standard_normal()
        )
        gain = float(_about_one(scanner, spread.gain_cv, 1)[0])
        phase = spread.phase_rad * scanner.uniform(-1.0, 1.0)
        return cls(
            scale=scale,
            warp_mm=warp_mm,
            rotation=rotation,
            shift_mm=shift_mm,
            atrophy=atrophy,
            t1_factor=t1,
            t2_factor=t2,
            lesion_ml=lesion_ml if case else 0.0,
            hyperintensity_ml=0.0 if case else aged_ml,
            focus_odds=disease.random(FOCI),
            focus_size=np.exp(0.5 * disease.standard_normal(FOCI)),
            gain=gain * complex(math.cos(phase), math.sin(phase)),
            b1=float(_about_one(scanner, spread.b1_cv, 1)[0]) * (1.0 + spread.b1_error),
            off_resonance_hz=spread.off_resonance_hz * scanner.standard_normal(),
            b0_gradient_hz_per_mm=spread.b0_gradient_hz_per_mm * scanner.standard_normal(3),
            linewidth_hz=spread.linewidth_hz * abs(scanner.standard_normal()),
        )


def _children(seed: np.random.SeedSequence, count: int) -> list[np.random.SeedSequence]:
    """As `seed.spawn`, which would give others at a second call."""
    return [np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, i)) for i in range(count)]


def _about_one(random: np.random.Generator, spread: float, count: int) -> Floats:
    return np.maximum(1.0 + spread * random.standard_normal(count), _SMALLEST)


def _rotation(angles: Floats) -> Floats:
    """(3, 3) by `angles` in rad about x, then y, then z."""
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[one, one] = step[other, other] = math.cos(angle)
        step[other, one], step[one, other] = math.sin(angle), -math.sin(angle)
        turned = step @ turned
    return turned
