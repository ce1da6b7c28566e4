"""Targets: what a compile may produce for, one TOML file each under targets/."""

from __future__ import annotations

from dataclasses import dataclass

from edgemed.data_folder import data_folder
from edgemed.errors import BadInput
from edgemed.types import Precision, Record, did_you_mean


@dataclass(frozen=True)
class Target(Record):
    """`backends` in order of preference, and the precisions tried on each."""

    name: str
    description: str
    backends: tuple[str, ...]
    precisions: tuple[Precision, ...]


def target_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in data_folder("targets").glob("*.toml")))


def load_target(name: str) -> Target:
    """The target of this name. Raises `BadInput` where there is none or its file is broken."""
    import tomllib

    if name not in target_names():
        raise BadInput(
            f"there is no target {name!r}", where="--target", remedy=did_you_mean(name, target_names())
        )
    path = data_folder("targets") / f"{name}.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return Target.from_dict({"name": name, **data}, where=path.name)
