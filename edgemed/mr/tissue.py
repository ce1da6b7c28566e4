"""Tissue: what relaxation makes of a millilitre of the head."""

from __future__ import annotations

import math

from edgemed.errors import BadInput
from edgemed.types import Record

ORDER = ("white matter", "grey matter", "CSF", "scalp", "lesion", "hyperintensity")
"""The tissues of a simulated head, in the order of every array with a tissue axis."""
WHITE, GREY, CSF, SCALP, LESION, HYPERINTENSITY = range(len(ORDER))

_REMEMBERED = (
    "remembered from O'Reilly and Webb, Magn. Reson. Med. 2022 (50 mT), not checked against the paper"
)
_ASSUMED = "an assumption, not a measurement"


class Tissue(Record):
    """Mean relaxation times at `field_t` tesla, proton density relative to water, and where they come from.

    Raises `BadInput` for values that no tissue has.
    """

    name: str
    t1_s: float
    t2_s: float
    proton_density: float
    field_t: float
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.t2_s <= self.t1_s < math.inf:
            raise BadInput(
                f"T1 {self.t1_s:g} s and T2 {self.t2_s:g} s of {self.name}: expected 0 < T2 <= T1",
                where=f"tissue {self.name!r}",
                remedy="give both in seconds",
            )
        if not 0 < self.proton_density <= 1:
            raise BadInput(
                f"proton density {self.proton_density:g} is not above 0 and at most 1",
                where=f"tissue {self.name!r}",
                remedy="give it relative to water",
            )


TISSUES = (
    Tissue("white matter", 0.275, 0.102, 0.70, 0.05, _REMEMBERED),
    Tissue("grey matter", 0.327, 0.105, 0.80, 0.05, _REMEMBERED),
    Tissue("CSF", 3.695, 1.584, 1.00, 0.05, _REMEMBERED),
    Tissue("scalp", 0.130, 0.090, 0.60, 0.05, _ASSUMED),
    Tissue("lesion", 0.450, 0.200, 0.80, 0.05, _ASSUMED),
    Tissue("hyperintensity", 0.450, 0.200, 0.80, 0.05, f"{_ASSUMED}: as a lesion"),
)
"""At 50 mT. All proton densities are assumptions."""


def check_tissues(tissues: tuple[Tissue, ...], field_t: float) -> None:
    """Raise `BadInput` unless these are the tissues of `ORDER` at this field."""
    names = tuple(tissue.name for tissue in tissues)
    if names != ORDER:
        raise BadInput(
            f"the tissues are {', '.join(names) or 'none'}; expected {', '.join(ORDER)}, in this order",
            where="tissues",
        )
    for tissue in tissues:
        if tissue.field_t != field_t:
            raise BadInput(
                f"the relaxation times of {tissue.name} are of {tissue.field_t:g} T, "
                f"and the protocol is of {field_t:g} T",
                where=f"tissue {tissue.name!r}",
                remedy="give the times of all tissues at the protocol's field",
            )
