"""Limits: what an artefact may take on its device."""

from __future__ import annotations

from edgemed.errors import BadInput
from edgemed.types.record import Record

_POSSIBLE = {"latency_ms": (1e-3, 3.6e6, "ms"), "memory_mib": (1.0, float(1 << 20), "MiB")}
"""A call of any runtime takes a microsecond; an hour or a TiB is a slip of the pen."""


class Limits(Record):
    """None where there is no limit.

    `latency_ms` is for one sample, `memory_mib` what loading an artefact and one answer add to a process.
    """

    latency_ms: float | None = None
    memory_mib: float | None = None

    def __post_init__(self) -> None:
        for name, (least, most, unit) in _POSSIBLE.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise BadInput(
                    f"{value:g} {unit} is no possible limit",
                    where=f"limits.{name}",
                    remedy=f"give {least:g} to {most:.0f} {unit}, or leave the limit out",
                )
