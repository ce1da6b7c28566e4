"""One file of any supported format to one array."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.dicom import decode_dicom
from edgemed.readers.fit import Note, fit
from edgemed.readers.nifti import decode_nifti
from edgemed.readers.notes import Notes
from edgemed.readers.npy_entry import read_npy
from edgemed.readers.picture import decode_picture
from edgemed.readers.raw import read_raw
from edgemed.readers.raw_input import decode_raw
from edgemed.types import InputSpec
from edgemed.types.acquisition import LAYOUT

Decoder = Callable[..., tuple[NDArray[Any], str]]


def decode_npy(path: Path, note: Note, *, levels: bool) -> tuple[NDArray[Any], str]:
    """The array as stored, and "" for its axes. Raises `BadInput` for pickled objects and torn files."""
    try:
        with path.open("rb") as file:
            return read_npy(file), ""
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise BadInput(f"the array cannot be read: {error}") from error


def decode_raw_array(path: Path, note: Note, *, levels: bool) -> tuple[NDArray[Any], str]:
    """A raw MR signal as an array (shots, echoes, samples, coils, 2); raises what `read_raw` raises."""
    return read_raw(path).array, LAYOUT


DECODERS: dict[str, Decoder] = {
    ".png": decode_picture,
    ".jpg": decode_picture,
    ".jpeg": decode_picture,
    ".tif": decode_picture,
    ".tiff": decode_picture,
    ".dcm": decode_dicom,
    ".dicom": decode_dicom,
    ".nii": decode_nifti,
    ".nii.gz": decode_nifti,
    ".npy": decode_npy,
    ".h5": decode_raw_array,
    ".mrd": decode_raw_array,
    ".mat": decode_raw_array,
}


def decoder_of(path: Path) -> Decoder | None:
    """The decoder by extension; a file of another name is DICOM where its preamble says so."""
    name = path.name.lower()
    for suffix, decoder in DECODERS.items():
        if name.endswith(suffix):
            return decoder
    try:
        with path.open("rb") as file:
            return decode_dicom if file.read(132)[128:] == b"DICM" else None
    except OSError:
        return None


def decode(path: Path, spec: InputSpec, notes: Notes) -> NDArray[Any]:
    """The file at `path` as the raw array of `spec`.

    Raises `BadInput` where the file is missing, of another format, unreadable, or does not fit.
    """
    if not path.is_file():
        raise BadInput("no such file")
    if spec.layout == LAYOUT:
        return decode_raw(path, spec)
    decoder = decoder_of(path)
    if decoder is None:
        raise BadInput("the format is not known by its name", remedy=f"known: {', '.join(DECODERS)}")
    array, axes = decoder(path, notes, levels=spec.dtype == "uint8")
    return fit(array, axes, spec, notes)
