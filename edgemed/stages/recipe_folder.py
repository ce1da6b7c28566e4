"""Where the paths in a recipe start, once the compile is over: its report names no folder."""

from __future__ import annotations

import shlex
from pathlib import Path

from edgemed.errors import BadInput
from edgemed.readers.reference import Reference


def find_recipe_folder(command: str, out: Path, ref: str) -> Path:
    """The first folder in which the set `ref` is found.

    Tried are those of a recipe that `command` (of the compile) names, the working folder, and the one that
    holds `out`. Raises `BadInput` where none has it.
    """
    starts = (Path(), out.resolve().parent)
    recipes = [Path(word).parent for word in shlex.split(command) if word.endswith(".toml")]
    path = Reference.parse(ref).path
    for folder in (*(start / recipe for start in starts for recipe in recipes), *starts):
        if (folder / path).exists():
            return folder
    raise BadInput(
        f"the recipe's set {ref} is not found from here",
        where=str(out),
        remedy="add --base FOLDER, where the recipe lies, or give a set with --accept SET",
    )
