"""Spread: how much simulated heads, and what the scanner does to them, differ from one to the next."""

from __future__ import annotations

import math
from dataclasses import fields

from edgemed.errors import BadInput
from edgemed.types import Record

LARGEST_LESION_ML = 100.0


class Spread(Record):
    """Standard deviations between heads; 0 switches one off. Raises `BadInput` for what none can be.

    Anatomy: `scale_cv` relative size along each axis; `warp_mm` root mean square of a smooth displacement
    along each axis; `rotation_deg` about each axis; `shift_mm` along each axis; `atrophy` half-normal scale
    of the share of grey matter lost (the ventricles grow with it).
    Tissue: `relaxation_cv` relative, of T1 and of T2 of each tissue; `lesion_cv` the same, on top, of lesions
    and hyperintensities.
    White matter: `lesion_ml` smallest and largest lesion load of a case, log-uniform between; controls have
    age-type hyperintensities of median `hyperintensity_ml`, log-normal with `hyperintensity_log_sd`.
    Scanner: `gain_cv` relative; `phase_rad` largest receiver phase, uniform either way; `b1_cv` relative
    error of every flip angle; `off_resonance_hz`; `b0_gradient_hz_per_mm` along each axis; `linewidth_hz`
    half-normal scale of a Lorentzian line's half width at half maximum, which damps each echo off its middle.
    Not a spread: `b1_error` is the relative error of every flip angle that all heads share, above -1.
    """

    scale_cv: float = 0.0
    warp_mm: float = 0.0
    rotation_deg: float = 0.0
    shift_mm: float = 0.0
    atrophy: float = 0.0
    relaxation_cv: float = 0.0
    lesion_cv: float = 0.0
    lesion_ml: tuple[float, ...] = (0.5, 30.0)
    hyperintensity_ml: float = 0.0
    hyperintensity_log_sd: float = 0.0
    gain_cv: float = 0.0
    phase_rad: float = 0.0
    b1_cv: float = 0.0
    off_resonance_hz: float = 0.0
    b0_gradient_hz_per_mm: float = 0.0
    linewidth_hz: float = 0.0
    b1_error: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "b1_error" and isinstance(value, float) and not 0 <= value < math.inf:
                raise BadInput(f"{value:g} is below 0", where=f"spread.{field.name}")
        if not -1 < self.b1_error < math.inf:
            raise BadInput(f"{self.b1_error:g} leaves no flip angle above 0", where="spread.b1_error")
        if len(self.lesion_ml) != 2 or not 0 < self.lesion_ml[0] <= self.lesion_ml[1] <= LARGEST_LESION_ML:
            raise BadInput(
                f"lesion loads {self.lesion_ml} mL: expected the smallest and the largest, above 0, at most "
                f"{LARGEST_LESION_ML:g}",
                where="spread.lesion_ml",
            )

    @property
    def one_anatomy(self) -> bool:
        """Whether every head is the atlas itself, in one place."""
        return not any((self.scale_cv, self.warp_mm, self.rotation_deg, self.shift_mm, self.atrophy))
