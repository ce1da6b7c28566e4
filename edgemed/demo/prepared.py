"""Prepared: a demo's folder, ready to be compiled."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edgemed.data_folder import data_folder
from edgemed.errors import ToolFailure

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Prepared:
    """`recipe` is the path of the written recipe.toml, `lines` what a user should read beside the result.

    `case`: one case of the acceptance set, to try an artefact on.
    """

    recipe: Path
    lines: tuple[str, ...]
    case: Path


def recipe_text(demo: str) -> str:
    """`calibration/DEMO/recipe.toml`."""
    return (data_folder("calibration") / demo / "recipe.toml").read_text(encoding="utf-8")


def write_model(out: Path, source: ModuleType, module: nn.Module) -> None:
    """Copy the model's source file to `out/model.py` and its weights to `out/model.safetensors`."""
    from safetensors.torch import save_file

    if source.__file__ is None:
        raise ToolFailure(f"{source.__name__} has no source file", remedy="install edgemed unzipped")
    shutil.copyfile(source.__file__, out / "model.py")
    save_file(module.state_dict(), out / "model.safetensors")
