"""What a file of raw MR signals holds, before any model is known."""

from __future__ import annotations

from pathlib import Path

from edgemed.errors import BadInput
from edgemed.readers.description import describe
from edgemed.readers.npy_entry import NpyEntry
from edgemed.readers.raw import read_raw
from edgemed.types import Acquisition, Record


class RawDescription(Record):
    """`signals` of `shape` (shots, echoes, samples, coils), all taken as `acquisition` says."""

    signals: int
    shape: tuple[int, int, int, int]
    acquisition: Acquisition


def describe_raw(path: Path) -> RawDescription:
    """Of one file of `RAW_READERS`: one signal, or an `.npz` set of many, of which no sample is read.

    Raises what `read_raw` raises, with the file as the place.
    """
    try:
        if path.suffix.lower() == ".npz":
            for array in describe(str(path), base=Path()).arrays:
                if array.acquisition is not None:
                    count, *shape = NpyEntry(path, array.name).shape
                    return _description(count, tuple(shape), array.acquisition)
        signal = read_raw(path)
    except BadInput as error:
        raise BadInput(error.problem, where=str(path), remedy=error.remedy) from error
    return _description(1, signal.samples.shape, signal.acquisition)


def _description(signals: int, shape: tuple[int, ...], acquisition: Acquisition) -> RawDescription:
    shots, echoes, samples, coils = shape
    return RawDescription(signals, (shots, echoes, samples, coils), acquisition)
