"""What is in a set, before any model is known."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgemed.errors import BadInput
from edgemed.readers.decode import decoder_of
from edgemed.readers.folder import FolderSet, class_folders, list_files
from edgemed.readers.group import GROUP_NAMES
from edgemed.readers.notes import Notes
from edgemed.readers.npy_entry import NpyEntry, names_in
from edgemed.readers.npz import INPUT_NAMES, LABEL_NAMES, NpzSet
from edgemed.readers.opening import reader_of
from edgemed.readers.raw import RAW_READERS, read_raw
from edgemed.readers.raw_npz import acquisition_in
from edgemed.readers.reference import Reference
from edgemed.readers.table import header_of, read_rows
from edgemed.readers.targets import is_number
from edgemed.types import Acquisition, DType, Layout, RawSignal, did_you_mean
from edgemed.types.acquisition import LAYOUT

_MOST_CLASSES = 100


@dataclass(frozen=True)
class ArrayDescription:
    """One array, column or kind of file, and the shape of one sample.

    `input_dtype` is the dtype for an `InputSpec` that takes it, None where the values are text or complex.
    `layout` is a suggestion from the shape.
    """

    name: str
    shape: tuple[int, ...]
    input_dtype: DType | None
    layout: Layout
    acquisition: Acquisition | None = None
    """Of a raw MR signal."""


@dataclass(frozen=True)
class SetDescription:
    """What a set holds. `inputs` names the arrays or columns taken as inputs; `classes` are the distinct
    labels in order (names of folders, or values), empty where they are not whole numbers or names; `values`
    says that they are numbers, and not all whole."""

    arrays: tuple[ArrayDescription, ...]
    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    values: bool = False


def describe(ref: str, *, base: Path) -> SetDescription:
    """Describe the set `ref`, relative to `base`, reading headers, labels and one sample.

    Keys of the reference may name inputs freely. Raises `BadInput` where the set is empty or unreadable.
    """
    reference = Reference.parse(ref)
    path = reference.resolve(base)
    reader = reader_of(path, ref)
    if reader is FolderSet:
        return _describe_folder(path, reference)
    return _describe_npz(path, reference) if reader is NpzSet else _describe_csv(path, reference)


def _describe_folder(path: Path, reference: Reference) -> SetDescription:
    reference.allow(())
    files, _ = list_files(path)
    span = reference.span(len(files))
    first = _describe_file(path, files[span.start], "files")
    return SetDescription((first,), ("files",), tuple(class_folders(path)))


def _describe_npz(path: Path, reference: Reference) -> SetDescription:
    names = names_in(path)
    entries = {name: NpyEntry(path, name) for name in names}
    label = _asked(reference, "y", names, LABEL_NAMES)
    keys = {key: name for key, name in reference.keys.items() if key not in ("y", "group", "by")}
    inputs = [name for key, name in keys.items() if not key.startswith("y.")]
    for name in keys.values():
        _check_named(name, names, reference)
    inputs = inputs or [name for name in INPUT_NAMES if name in names][:1]
    if not inputs and len(names) == 1:
        inputs = names
    longest = inputs or [max(names, key=lambda name: len(entries[name]))] if names else []
    span = reference.span(len(entries[longest[0]]) if longest else 0)
    arrays = tuple(_describe_entry(entry, path) for entry in entries.values())
    classes = _classes(_texts(entries[label], span)) if label else ()
    values = label is not None and not classes and entries[label].dtype.kind == "f"
    return SetDescription(arrays, tuple(inputs), classes, values)


def _describe_csv(path: Path, reference: Reference) -> SetDescription:
    source = str(reference)
    header = header_of(path, source)
    label = _asked(reference, "label", header, ("label",))
    group = _asked(reference, "group", header, GROUP_NAMES)
    files = _asked(reference, "path", header, ("path",))
    strata = reference.keys.get("by", "")
    span = reference.span(sum(1 for _ in read_rows(path, source)))
    rows = itertools.islice(read_rows(path, source), span.start, span.stop)
    first = next(rows)
    arrays = [_describe_file(path.parent, first[files], files)] if files else []
    for name in header:
        if name not in (label, group, files, strata, *strata.split("+")) and is_number(first[name]):
            arrays.append(_describe_array(name, np.dtype(np.float64), ()))
    classes = _classes(row[label] for row in itertools.chain([first], rows)) if label else ()
    values = label is not None and not classes and is_number(first[label])
    return SetDescription(tuple(arrays), tuple(entry.name for entry in arrays), classes, values)


def _describe_entry(entry: NpyEntry, path: Path) -> ArrayDescription:
    if entry.dtype.kind == "c" and len(entry.row_shape) == 4:
        try:
            acquisition = acquisition_in(path)
        except BadInput:  # complex numbers of another kind
            return _describe_array(entry.name, entry.dtype, entry.row_shape)
        return ArrayDescription(entry.name, (*entry.row_shape, 2), "float32", LAYOUT, acquisition)
    return _describe_array(entry.name, entry.dtype, entry.row_shape)


def _asked(reference: Reference, key: str, names: Iterable[str], defaults: Iterable[str]) -> str | None:
    """The array or column that `key` names, or the first default that is there."""
    if key in reference.keys:
        _check_named(reference.keys[key], names, reference)
        return reference.keys[key]
    return next((name for name in defaults if name in names), None)


def _check_named(name: str, names: Iterable[str], reference: Reference) -> None:
    if name not in names:
        raise BadInput(f"nothing is named {name!r}", where=str(reference), remedy=did_you_mean(name, names))


def _texts(entry: NpyEntry, span: range) -> Iterator[str]:
    for row in entry.rows(span):
        yield str(row.reshape(-1)[0]) if row.size == 1 else ""


def _classes(values: Iterable[str]) -> tuple[str, ...]:
    """Distinct labels in order; none where they are fractions or too many."""
    seen: dict[str, None] = {}
    for value in values:
        seen[value] = None
        if len(seen) > _MOST_CLASSES:
            return ()
    if all(is_number(value) for value in seen):
        numbers = [float(value) for value in seen]
        if not all(number.is_integer() for number in numbers):
            return ()
        return tuple(str(int(number)) for number in sorted(set(numbers)))
    return () if "" in seen else tuple(sorted(seen))


def _describe_file(root: Path, file: str, name: str) -> ArrayDescription:
    path = root / file
    raw = path.suffix.lower() in RAW_READERS
    decoder = decoder_of(path) if path.is_file() else None
    if decoder is None and not (raw and path.is_file()):
        raise BadInput("no such file, or its format is not known", where=file)
    try:
        if raw or decoder is None:
            return _describe_raw(name, read_raw(path))
        array, axes = decoder(path, Notes(), levels=False)
    except BadInput as error:
        raise BadInput(error.problem, where=file, remedy=error.remedy) from error
    described = _describe_array(name, array.dtype, array.shape)
    layouts: dict[str, Layout] = {"HW": "HW", "HWC": "HWC", "DHW": "DHW", "DHWC": "DHWC"}
    return replace(described, layout=layouts.get(axes, described.layout))


def _describe_raw(name: str, signal: RawSignal) -> ArrayDescription:
    return ArrayDescription(name, signal.array.shape, "float32", LAYOUT, signal.acquisition)


def _describe_array(name: str, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> ArrayDescription:
    return ArrayDescription(name, shape, _input_dtype(dtype), _suggest_layout(shape))


def _input_dtype(dtype: np.dtype[np.generic]) -> DType | None:
    same: dict[str, DType] = {
        "uint8": "uint8",
        "int8": "int8",
        "uint16": "uint16",
        "int16": "int16",
        "int32": "int32",
        "int64": "int64",
        "float16": "float16",
        "float32": "float32",
        "float64": "float32",
        "bool": "uint8",
        "uint32": "int64",
    }
    return same.get(dtype.name)


def _suggest_layout(shape: tuple[int, ...]) -> Layout:
    if len(shape) == 2:
        if shape[0] <= 16 < 64 <= shape[1]:
            return "CL"
        return "LC" if shape[1] <= 16 < 64 <= shape[0] else "HW"
    if len(shape) == 3:
        if shape[2] in (1, 3):
            return "HWC"
        return "CHW" if shape[0] in (1, 3) else "DHW"
    if len(shape) == 4:
        return "DHWC" if shape[3] <= 4 < shape[0] else "CDHW"
    return ""
