"""Recipe files: TOML read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgemed.errors import BadInput
from edgemed.types import Recipe

_TOP = "recipe"
_SCHEMA = "the keys of a recipe and their types are in calibration/README.md; `edgemed init` drafts one"
_MODELS = (".onnx", ".pt2", ".py")


def read_recipe(path: Path) -> Recipe:
    """Read `path`. Raises `BadInput` for what is not TOML, unknown keys and wrong types."""
    data = read_toml(path)
    try:
        return Recipe.from_dict(data, where=_TOP)
    except BadInput as error:
        key = error.where.removeprefix(_TOP).lstrip(".")
        where = f"{key} in {path}" if key else str(path)
        raise BadInput(error.problem, where=where, remedy=error.remedy or _SCHEMA) from None


def read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    if path.suffix in _MODELS:
        raise BadInput(
            f"{path} is a model, not a recipe", where="RECIPE", remedy=f"edgemed compile -m {path} --out OUT"
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"cannot read the recipe: {error.strerror}",
            where=str(path),
            remedy="edgemed init -m MODEL drafts one",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not valid TOML: {error}", where=str(path), remedy=_SCHEMA) from None
