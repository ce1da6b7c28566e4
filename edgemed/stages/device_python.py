"""DevicePython: the Python that a wheelhouse is for."""

from __future__ import annotations

from dataclasses import dataclass

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
GLIBC = {"aarch64": 35, "x86_64": 28}
"""By processor, the minor version of glibc 2 that a device has at least: what OpenVINO's wheels need."""
_OLDEST_GLIBC = 17
"""Of manylinux2014, the first for aarch64 (PEP 599)."""


@dataclass(frozen=True)
class DevicePython:
    """CPython `version` (of `PYTHONS`) on Linux on `arch` (of `GLIBC`)."""

    version: str
    arch: str

    def __str__(self) -> str:
        return f"Python {self.version} on {self.arch}"

    @property
    def platforms(self) -> list[str]:
        """Platform tags (PEP 600), of which pip derives none; the oldest glibc first, which it prefers."""
        minors = range(_OLDEST_GLIBC, GLIBC[self.arch] + 1)
        return [f"manylinux2014_{self.arch}", *(f"manylinux_2_{minor}_{self.arch}" for minor in minors)]

    @property
    def markers(self) -> dict[str, str]:
        """What environment markers are compared with (PEP 508), without `extra`."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.version}.0",
            "os_name": "posix",
            "platform_machine": self.arch,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.version}.0",
            "python_version": self.version,
            "sys_platform": "linux",
        }
