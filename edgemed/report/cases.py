"""What the cases are called that artefacts were compared with the original on."""

from __future__ import annotations

from typing import Literal

from edgemed.report.numerals import count
from edgemed.types.compilation import ComparedOn

SETS: dict[ComparedOn, str] = {
    "select": "the selection set",
    "calibrate": "the calibration set, for want of a selection set",
    "golden": "the synthetic golden cases, for want of a set",
}
_KINDS: dict[ComparedOn | Literal["accept"], str] = {
    "accept": "acceptance",
    "select": "selection",
    "calibrate": "calibration",
    "golden": "synthetic golden",
}


def cases(number: int, of: ComparedOn | Literal["accept"]) -> str:
    """`524 selection cases`."""
    return f"{count(number)} {_KINDS[of]} cases"
