"""Shared fixtures: the real data, found by EDGEMED_DATA or in ../shared/data beside the project root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real labelled data sets; skips where there is none."""
    for folder in (os.environ.get("EDGEMED_DATA"), ROOT.parent / "shared" / "data"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no real data: set EDGEMED_DATA to the folder that holds pneumoniamnist.npz")
