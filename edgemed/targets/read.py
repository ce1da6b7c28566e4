"""Reading target files, strictly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgemed.errors import BadInput
from edgemed.targets.files import target_files
from edgemed.targets.target import Target
from edgemed.types import did_you_mean

_TOP = "target"


def target_names(paths: Sequence[Path] = ()) -> tuple[str, ...]:
    """What `load_target` knows by name, see `target_files`."""
    return tuple(sorted(target_files(paths)))


def load_target(name: str, base: Path = Path(), paths: Sequence[Path] = ()) -> Target:
    """The target of this name, see `target_files`; or that of the file `name`, `.toml`, relative to `base`.

    Raises `BadInput` where there is none or its file is broken.
    """
    if name.endswith(".toml"):
        return _read(base / name, name)
    files = target_files(paths)
    if name not in files:
        raise BadInput(
            f"there is no target {name!r}",
            where="--target",
            remedy=f"{did_you_mean(name, sorted(files))}; or the path of a .toml file of your own",
        )
    return _read(files[name], str(files[name]))


def _read(path: Path, shown: str) -> Target:
    import tomllib

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read the target: {error.strerror}", where=shown) from None
    except (ValueError, RecursionError) as error:  # of TOML, UTF-8, huge numbers, deep nesting
        raise BadInput(f"not valid TOML: {error}", where=shown, remedy=_SCHEMA) from None
    if "name" in data:
        raise BadInput(
            "a target is named by its file", where=f"name in {shown}", remedy="leave the key `name` out"
        )
    try:
        return Target.from_dict({"name": path.stem, **data}, where=_TOP)
    except BadInput as error:
        key = error.where.removeprefix(_TOP).lstrip(".")
        where = f"{key} in {shown}" if key else shown
        raise BadInput(error.problem, where=where, remedy=error.remedy or _SCHEMA) from None


_SCHEMA = "`edgemed targets NAME` shows a target that is complete"
