"""One array inside an .npz archive, read row by row without ever holding it whole."""

from __future__ import annotations

import contextlib
import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from edgemed.errors import BadInput, ToolFailure

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK_BYTES = 1 << 20
_LONGEST_HEADER = 10_000
_HEADERS = {
    (1, 0): (2, np.lib.format.read_array_header_1_0),
    (2, 0): (4, np.lib.format.read_array_header_2_0),
}
"""By the version of the .npy: how many bytes tell the header's length, and what reads both."""


class NpyEntry:
    """The header of the array `name` in `archive`, and its rows."""

    def __init__(self, archive: Path, name: str) -> None:
        self.archive = archive
        self.name = name
        with _torn(self.where), zipfile.ZipFile(archive) as entries, entries.open(f"{name}.npy") as file:
            self.shape, self.fortran, self.dtype = _header(file)
            size = file.tell() + math.prod(self.shape) * self.dtype.itemsize
            stored = entries.getinfo(f"{name}.npy").file_size
        if self.dtype.hasobject:
            raise BadInput("the array holds pickled objects, which could run code", where=self.where)
        if size != stored:
            raise BadInput("the array's length is not what its header says", where=self.where)

    @property
    def where(self) -> str:
        return f"{self.name} in {self.archive.name}"

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def row_shape(self) -> tuple[int, ...]:
        return self.shape[1:]

    def rows(self, span: range) -> Generator[NDArray[Any], None, None]:
        """The rows of `span` in order, each its own array. Memory: one row, or blocks of 1 MiB.

        An array in Fortran order is unpacked to a temporary file first. Raises `BadInput` for a torn archive.
        """
        with _torn(self.where), self._open() as file:
            _header(file)
            if self.fortran and len(self.shape) > 1:
                yield from self._rows_fortran(file, span)
            else:
                yield from self._rows_sequential(file, span)

    def whole(self) -> NDArray[Any]:
        """The whole array. Raises `BadInput` for a torn archive."""
        with _torn(self.where), self._open() as file:
            return read_npy(file)

    @contextlib.contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(self.archive) as archive, archive.open(f"{self.name}.npy") as file:
            yield file

    def _rows_sequential(self, file: IO[bytes], span: range) -> Iterator[NDArray[Any]]:
        row_bytes = math.prod(self.row_shape) * self.dtype.itemsize
        file.seek(span.start * row_bytes, 1)
        per_block = max(1, _BLOCK_BYTES // max(1, row_bytes))
        for first in range(span.start, span.stop, per_block):
            count = min(per_block, span.stop - first)
            block = _read_exactly(file, count * row_bytes)
            rows = np.frombuffer(block, self.dtype).reshape(count, *self.row_shape)
            for row in rows:
                yield np.array(row)

    def _rows_fortran(self, file: IO[bytes], span: range) -> Iterator[NDArray[Any]]:
        import tempfile

        with tempfile.TemporaryFile() as unpacked:
            try:
                while piece := file.read(_BLOCK_BYTES):
                    unpacked.write(piece)
                unpacked.flush()
            except OSError as error:
                raise ToolFailure(
                    f"no room to unpack an array in Fortran order: {error.strerror}",
                    where=self.where,
                    remedy="store it with np.ascontiguousarray, or free space in the temporary folder",
                ) from error
            whole = np.memmap(unpacked, self.dtype, mode="r", shape=self.shape, order="F")
            for index in span:
                yield np.array(whole[index], order="C")


def read_npy(file: IO[bytes]) -> NDArray[Any]:
    """An array in numpy's format. Raises `ValueError` where it is none, `OSError` and `MemoryError`."""
    with _evaluated():
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def names_in(archive: Path) -> list[str]:
    """Names of the arrays in an .npz, in stored order. Raises `BadInput` where it is not one."""
    with _torn(archive.name), zipfile.ZipFile(archive) as file:
        return [name[:-4] for name in file.namelist() if name.endswith(".npy")]


@contextlib.contextmanager
def _torn(where: str) -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        RuntimeError,
        OSError,
        MemoryError,
    ) as error:
        raise BadInput(
            f"the .npz cannot be read: {error}", where=where, remedy="write the file again"
        ) from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Its length is bounded before it is read: numpy would hold 4 GiB, and then find that too long."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"npy version {version[0]}.{version[1]} is not supported")
    width, read = _HEADERS[version]
    length = _read_exactly(file, width)
    size = int.from_bytes(length, "little")
    if size > _LONGEST_HEADER:
        raise ValueError(f"a header of {size} bytes, at most {_LONGEST_HEADER} are read")
    with _evaluated():
        return read(io.BytesIO(length + _read_exactly(file, size)))


@contextlib.contextmanager
def _evaluated() -> Iterator[None]:
    """numpy evaluates a header, and lets through what Python says of it."""
    try:
        yield
    except (TypeError, SyntaxError, LookupError, OverflowError, tokenize.TokenError) as error:
        raise ValueError(f"its header is none: {error}") from None


def _read_exactly(file: IO[bytes], size: int) -> bytes:
    pieces = []
    while size:
        piece = file.read(size)
        if not piece:
            raise EOFError("it ends too early")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
