"""Opening a set by its reference, and reading one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.decode import DECODERS, decode, decode_npy, decoder_of
from edgemed.readers.fit import fit
from edgemed.readers.folder import FolderSet
from edgemed.readers.notes import Notes
from edgemed.readers.npy_entry import NpyEntry, names_in
from edgemed.readers.npz import INPUT_NAMES, NpzSet
from edgemed.readers.raw_npz import acquisition_in
from edgemed.readers.reference import Reference
from edgemed.readers.stream import StreamedSet
from edgemed.readers.table import CsvSet
from edgemed.types import InputSpec, OutputSpec, SampleSet
from edgemed.types.acquisition import LAYOUT

Reader = type[FolderSet] | type[NpzSet] | type[CsvSet]


def open_set(
    ref: str,
    inputs: Sequence[InputSpec],
    outputs: Sequence[OutputSpec],
    *,
    base: Path,
    skip_bad: bool = False,
) -> SampleSet:
    """Open the set `ref` (see `edgemed.readers.reference`), relative to the folder `base`.

    Every sample has exactly the dtype and shape of `inputs`. Names, lengths, shapes, dtypes and all labels
    are checked here (without `outputs`, that the labels named in `ref` are there); samples are decoded while
    iterating, one at a time, in the same order every time. Pictures and volumes of other sizes are brought
    to the input's size, which `notes` then tells. Raises `BadInput`, while iterating with the sample's name;
    with `skip_bad` a sample that cannot be read is counted in `skipped` instead.
    """
    reference = Reference.parse(ref)
    path = reference.resolve(base)
    reader = reader_of(path, ref)
    opened: StreamedSet = reader(path, reference, inputs, outputs, skip_bad=skip_bad, source=ref)
    return opened


def reader_of(path: Path, ref: str) -> Reader:
    """The reader for a path; raises `BadInput` where there is none."""
    if path.is_dir():
        return FolderSet
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return NpzSet
    if suffix == ".csv":
        return CsvSet
    raise BadInput(
        f"a set is an .npz, a .csv or a folder, not a {suffix or 'nameless'} file",
        where=ref,
        remedy="put single files in a folder, or read one with `edgemed run`",
    )


def read_file(path: Path, inputs: Sequence[InputSpec], notes: Notes | None = None) -> dict[str, NDArray[Any]]:
    """The raw arrays of one sample from one file: PNG, JPEG, TIFF, DICOM, NIfTI, .npy or .npz, or a raw MR
    signal (MRD, MaRGE's .mat, .npz).

    An .npz holds an array per input (for a single input also `x`, `images`, `signal` or its only array), each
    one sample with or without a leading axis of 1. `notes` are told what was done to fit the file to the
    inputs. Raises `BadInput` where the file does not fill the inputs, and where an array may be several
    samples.
    """
    told = notes or Notes()
    if path.is_dir():
        raise BadInput(
            "a folder, where one file is read", where=str(path), remedy="give one of the files in it"
        )
    if not path.is_file():
        raise BadInput("no such file", where=str(path))
    try:
        if len(inputs) == 1 and inputs[0].layout == LAYOUT:
            return {inputs[0].name: decode(path, inputs[0], told)}
        if path.suffix.lower() == ".npz":
            for spec in inputs:
                if spec.acquisition is not None:
                    spec.acquisition.check(acquisition_in(path))
            return {
                spec.name: _one(_array(path, spec, alone=len(inputs) == 1), spec, told) for spec in inputs
            }
        if len(inputs) != 1:
            names = ", ".join(spec.name for spec in inputs)
            raise BadInput(
                f"one file fills one input, and the model has {len(inputs)}",
                remedy=f"give an .npz with the arrays {names}",
            )
        if path.suffix.lower() == ".npy":
            return {inputs[0].name: _one(decode_npy(path, told, levels=False)[0], inputs[0], told)}
        if decoder_of(path) is None:
            known = ", ".join((*DECODERS, ".npz"))
            raise BadInput("the format is not known by its name", remedy=f"known: {known}")
        return {inputs[0].name: decode(path, inputs[0], told)}
    except BadInput as error:
        raise BadInput(error.problem, where=str(path), remedy=error.remedy) from error


def _array(path: Path, spec: InputSpec, *, alone: bool) -> NDArray[Any]:
    names = names_in(path)
    wanted = [name for name in (spec.name, *(INPUT_NAMES if alone else ())) if name in names]
    if not wanted and alone and len(names) == 1:
        wanted = names
    if not wanted:
        raise BadInput(f"no array is named {spec.name!r}", remedy=f"arrays: {', '.join(names)}")
    return NpyEntry(path, wanted[0]).whole()


def _one(array: NDArray[Any], spec: InputSpec, notes: Notes) -> NDArray[Any]:
    """Three gray pictures are no picture in colour: what may be several samples is refused."""
    shape = array.shape
    stacked = shape[1:] == spec.shape or (len(shape) == len(spec.shape) and spec.shape[:1] == (1,))
    if stacked and shape[:1] > (1,):
        raise BadInput(
            f"an array of shape {list(shape)} may be {shape[0]} samples of input {spec.name!r}; one is read",
            remedy=f"save one sample alone, as [1, {', '.join(map(str, shape[1:]))}]; where it is one, as "
            f"[1, {', '.join(map(str, shape))}]",
        )
    if len(shape) > len(spec.shape) and shape[0] == 1:
        array = array[0]
    return fit(array, "", spec, notes)
