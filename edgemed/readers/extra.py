"""The optional packages that decode files: imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

from edgemed.errors import Unavailable


def import_extra(module: str, extra: str = "images") -> Any:
    """Import `module`; raises `Unavailable` with the command that installs edgemed's `extra`."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise Unavailable(
            f"{module.partition('.')[0]} is not installed, and this file needs it",
            remedy=f"pip install 'edgemed[{extra}]'",
        ) from None
