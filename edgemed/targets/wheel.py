"""Wheel: what a wheel for a target may ask of it."""

from __future__ import annotations

import re
from dataclasses import field

from edgemed.errors import BadInput
from edgemed.types import Record

_CLAUSE = r"(===?|~=|!=|<=?|>=?)\s*[0-9][0-9A-Za-z.*+!-]*"
_SPECIFIER = re.compile(rf"{_CLAUSE}(\s*,\s*{_CLAUSE})*")
_PLATFORM = re.compile(r"(manylinux_[0-9]+_[0-9]+|linux|win)_[0-9A-Za-z_]+")


class Wheel(Record):
    """`[wheel]`: `python` and each package of `requires` with the versions that the target takes (PEP 440).

    `platform` is the tag that its C library allows (PEP 600), as in `manylinux_2_35_aarch64`.
    """

    python: str = ""
    platform: str = ""
    requires: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        versions = {f"requires.{name}": value for name, value in self.requires.items()}
        for key, value in {**({"python": self.python} if self.python else {}), **versions}.items():
            if not _SPECIFIER.fullmatch(value):
                raise BadInput(
                    f"{value!r} is no version specifier",
                    where=f"wheel.{key}",
                    remedy='write ">=1.23.2,<2" or "==1.23.2"',
                )
        if self.platform and not _PLATFORM.fullmatch(self.platform):
            raise BadInput(
                f"{self.platform!r} is no platform tag",
                where="wheel.platform",
                remedy='write "manylinux_2_35_aarch64": the glibc that the target has, and its arch',
            )
