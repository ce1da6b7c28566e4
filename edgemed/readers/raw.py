"""One file of raw MR data to one `RawSignal`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgemed.errors import BadInput
from edgemed.readers.raw_marge import read_marge
from edgemed.readers.raw_mrd import read_mrd
from edgemed.readers.raw_npz import read_raw_npz
from edgemed.types.raw_signal import RawSignal

RAW_READERS: dict[str, Callable[[Path], RawSignal]] = {
    ".h5": read_mrd,
    ".mrd": read_mrd,
    ".mat": read_marge,
    ".npz": read_raw_npz,
}


def read_raw(path: Path) -> RawSignal:
    """The raw MR signal at `path`, by its extension.

    Raises `BadInput` where the file is missing, of another format, unreadable or incomplete, or holds samples
    that are no finite numbers; `Unavailable` where its format needs a package that is not installed.
    """
    if not path.is_file():
        raise BadInput("no such file")
    reader = RAW_READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(
            "the raw-MR format is not known by its name", remedy=f"known: {', '.join(RAW_READERS)}"
        )
    signal = reader(path)
    broken = np.argwhere(~np.isfinite(signal.samples))
    if len(broken):
        shot, echo, sample, coil = broken[0]
        raise BadInput(
            f"{len(broken)} of {signal.samples.size} samples are not finite, the first in shot {shot}, "
            f"echo {echo}, sample {sample}, coil {coil}",
            remedy="take the signal again: NaN and infinity are no measurements",
        )
    return signal
