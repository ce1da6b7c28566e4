"""Task: everything that makes a simulated diagnosis easy or hard."""

from __future__ import annotations

import dataclasses
import math

from edgemed.errors import BadInput
from edgemed.mr.protocol import PROTOCOL_A, PROTOCOL_B, Protocol
from edgemed.mr.spread import Spread
from edgemed.mr.tissue import TISSUES, Tissue, check_tissues
from edgemed.types import Record, did_you_mean


class Task(Record):
    """`snr`: magnitude of a head's first echo at its peak over the standard deviation of the noise in one
    complex sample (I and Q together). Raises `BadInput` for tissues of another field than the protocol's.
    """

    name: str
    protocol: Protocol
    spread: Spread
    snr: float = 1000.0
    tissues: tuple[Tissue, ...] = TISSUES

    def __post_init__(self) -> None:
        if not 0 < self.snr < math.inf:
            raise BadInput(f"SNR {self.snr:g} is not above 0", where=f"task {self.name!r}: snr")
        check_tissues(self.tissues, self.protocol.field_t)

    def describe(self) -> str:
        """One sentence to print beside every result."""
        spread = self.spread
        anatomy = (
            "one anatomy"
            if spread.one_anatomy
            else f"unseen anatomies (one atlas; scale {spread.scale_cv:.0%}, warp {spread.warp_mm:g} mm, "
            f"rotation {spread.rotation_deg:g} degrees, shift {spread.shift_mm:g} mm, "
            f"atrophy {spread.atrophy:.0%})"
        )
        relaxation = (
            f"relaxation times spread by {spread.relaxation_cv:.1%} (lesions {spread.lesion_cv:.0%} on top)"
            if spread.relaxation_cv or spread.lesion_cv
            else "fixed relaxation times"
        )
        controls = (
            f"controls with age-type hyperintensities of median {spread.hyperintensity_ml:g} mL"
            if spread.hyperintensity_ml
            else "clean controls"
        )
        return (
            f"SIMULATED {self.name}: {self.protocol.describe()}; SNR {self.snr:g} per complex sample, "
            f"lesions of {spread.lesion_ml[0]:g}-{spread.lesion_ml[1]:g} mL, {controls}, {anatomy}, "
            f"{relaxation}, {_scanner(spread)}."
        )


def _scanner(spread: Spread) -> str:
    errors = (
        ("gain", spread.gain_cv, f"{spread.gain_cv:.0%}"),
        ("phase", spread.phase_rad, f"up to {math.degrees(spread.phase_rad):.0f} degrees"),
        ("B1", spread.b1_cv, f"{spread.b1_cv:.0%}"),
        ("off-resonance", spread.off_resonance_hz, f"{spread.off_resonance_hz:g} Hz"),
        ("B0 gradient", spread.b0_gradient_hz_per_mm, f"{spread.b0_gradient_hz_per_mm:g} Hz/mm"),
        ("line width", spread.linewidth_hz, f"{spread.linewidth_hz:g} Hz"),
    )
    told = [f"{name} {text}" for name, value, text in errors if value]
    known = [name for name, value, _ in errors if not value]
    parts = (["unknown " + ", ".join(told)] if told else []) + (
        ["known " + ", ".join(known)] if known else []
    )
    shared = f", every flip angle {spread.b1_error:+.1%} off" if spread.b1_error else ""
    return " and ".join(parts) + shared


IMRD_EASY = Task("imrd-easy", PROTOCOL_A, Spread())
"""One anatomy, fixed relaxation, a perfect scanner and clean controls: what a figure near 1 needs."""

IMRD_HONEST = Task(
    "imrd-honest",
    PROTOCOL_B,
    Spread(
        scale_cv=0.03,
        warp_mm=2.0,
        rotation_deg=5.0,
        shift_mm=5.0,
        atrophy=0.04,
        relaxation_cv=0.02,
        lesion_cv=0.15,
        hyperintensity_ml=0.3,
        hyperintensity_log_sd=1.0,
        gain_cv=0.1,
        phase_rad=math.pi,
        b1_cv=0.03,
        off_resonance_hz=10.0,
        b0_gradient_hz_per_mm=0.05,
        linewidth_hz=5.0,
    ),
)
"""Unseen anatomies with all that differs between heads and scanners."""

TASKS = {task.name: task for task in (IMRD_EASY, IMRD_HONEST)}


def find_task(name: str, protocol: Protocol | None = None) -> Task:
    """The named task, on another protocol where one is given. Raises `BadInput` for an unknown name."""
    if name not in TASKS:
        raise BadInput(f"there is no task {name!r}", where="task", remedy=did_you_mean(name, TASKS))
    return dataclasses.replace(TASKS[name], protocol=protocol or TASKS[name].protocol)
