"""Targets: what a compile may produce for, one TOML file each under targets/, or one of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgemed.data_folder import data_folder
from edgemed.errors import BadInput
from edgemed.types import Precision, Record, did_you_mean


@dataclass(frozen=True)
class Target(Record):
    """`backends` in order of preference, and the precisions tried on each. `name` is its file's."""

    name: str
    description: str
    backends: tuple[str, ...]
    precisions: tuple[Precision, ...]


def target_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in data_folder("targets").glob("*.toml")))


def load_target(name: str, base: Path = Path()) -> Target:
    """The target of this name under targets/, or the one in the file `name`, `.toml`, relative to `base`.

    It names at least one backend, and fp32 among its precisions: each runtime's fp32 is what its others must
    be faster than, and what takes the place of a choice that is refused. It need not name onnxruntime, which
    runs the original in any case. Raises `BadInput` where there is none or its file is broken.
    """
    import tomllib

    if name.endswith(".toml"):
        path, where = base / name, name
    elif name in target_names():
        path = data_folder("targets") / f"{name}.toml"
        where = path.name
    else:
        raise BadInput(
            f"there is no target {name!r}",
            where="--target",
            remedy=f"{did_you_mean(name, target_names())}; or the path of a .toml file of your own",
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read the target: {error.strerror}", where=where) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not valid TOML: {error}", where=where) from None
    if "name" in data:
        raise BadInput(
            "a target is named by its file", where=f"name in {where}", remedy="leave the key `name` out"
        )
    target = Target.from_dict({"name": path.stem, **data}, where=where)
    if not target.backends:
        raise BadInput("a target without a backend", where=f"backends in {where}")
    if "fp32" not in target.precisions:
        raise BadInput(
            "a target without fp32, which the other precisions are measured against and give way to",
            where=f"precisions in {where}",
            remedy='add "fp32"; the recipe and --precision tell what else is tried',
        )
    return target
