"""Recipe files: TOML read strictly, with paths relative to the recipe's folder."""

from __future__ import annotations

import os
from pathlib import Path

from edgemed.errors import BadInput
from edgemed.types import Recipe

_TOP = "recipe"
_SCHEMA = "the keys of a recipe and their types are in calibration/README.md; `edgemed init` drafts one"
_MODELS = (".onnx", ".pt2", ".py")


def read_recipe(path: Path) -> Recipe:
    """Read `path`. Raises `BadInput` for what is not TOML, unknown keys and wrong types."""
    import tomllib

    if path.suffix in _MODELS:
        raise BadInput(
            f"{path} is a model, not a recipe", where="RECIPE", remedy=f"edgemed compile -m {path} --out OUT"
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"cannot read the recipe: {error.strerror}",
            where=str(path),
            remedy="edgemed init -m MODEL drafts one",
        ) from None
    except (ValueError, RecursionError) as error:  # of TOML, UTF-8, huge numbers, deep nesting
        raise BadInput(f"not valid TOML: {error}", where=str(path), remedy=_SCHEMA) from None
    try:
        return Recipe.from_dict(data, where=_TOP)
    except BadInput as error:
        key = error.where.removeprefix(_TOP).lstrip(".")
        where = f"{key} in {path}" if key else str(path)
        raise BadInput(error.problem, where=where, remedy=error.remedy or _SCHEMA) from None


def from_folder(ref: str, folder: Path) -> str:
    """A path that starts at the working folder, with `:factory` or `::keys` behind it, as seen from `folder`.

    An absolute path stays. Symbolic links keep their names where these lead to the same place.
    """
    path, separator, rest = ref.partition("::" if "::" in ref else ":")
    if Path(path).is_absolute():
        return ref
    there, seen = folder.resolve(), os.path.relpath(path, folder)
    if (there / seen).resolve() != Path(path).resolve():
        seen = os.path.relpath(Path(path).resolve(), there)
    return seen + separator + rest
