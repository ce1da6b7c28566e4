"""The data that ships with edgemed: `targets` and `calibration`."""

from __future__ import annotations

from pathlib import Path

from edgemed.errors import ToolFailure

_HERE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """The folder, from a wheel (`edgemed/_data`), an editable install or a bare checkout."""
    for folder in (_HERE / "_data" / name, _HERE.parent / name):
        if folder.is_dir():
            return folder
    raise ToolFailure(f"the folder {name}/ is missing from this installation", remedy="reinstall edgemed")
