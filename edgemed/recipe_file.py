"""Recipe files: TOML read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgemed.errors import BadInput
from edgemed.types import Recipe


def read_recipe(path: Path) -> Recipe:
    """Read `path`. Raises `BadInput` for what is not TOML, unknown keys and wrong types."""
    return Recipe.from_dict(read_toml(path), where=path.name)


def read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"cannot read the recipe: {error.strerror}", where=str(path), remedy="edgemed init -m MODEL"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not valid TOML: {error}", where=str(path)) from None
