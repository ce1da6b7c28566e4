"""Writing a bundle."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from edgemed.bundle.manifest import MANIFEST, SIGNATURES, BundleManifest, Entry
from edgemed.bundle.signature import Signatures
from edgemed.bundle.stored_zip import StoredEntry, directory, local_header
from edgemed.disk import disk_failure, flush_one, new_part
from edgemed.errors import BadInput

PIECE = 1 << 20

Pieces = Callable[[], Iterator[bytes]]
"""Gives an entry's bytes, from the start at each call."""


def entry_of(path: Path) -> Entry:
    """Of a file's bytes. Raises `OSError`."""
    sha, size = hashlib.sha256(), 0
    for piece in pieces_of(path):
        sha.update(piece)
        size += len(piece)
    return Entry(size, sha.hexdigest())


def pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def write_bundle(
    path: Path, manifest: BundleManifest, files: Mapping[str, Pieces], signatures: Signatures | None = None
) -> None:
    """The bundle of `manifest`, whose entries `files` gives, whole or not at all.

    Raises `BadInput` where a file is not what the manifest says, `ToolFailure` where the disk refuses.
    """
    part: Path | None = None
    try:
        part, file = new_part(path)
        with file:
            written = [_write(file, MANIFEST, [manifest.to_json().encode()])]
            if signatures is not None:
                written.append(_write(file, SIGNATURES, [signatures.to_json().encode()]))
            for name, entry in manifest.entries.items():
                written.append(_write(file, name, files[name], entry))
            file.write(directory(written))
        flush_one(part)
        part.replace(path)
        flush_one(path.parent)
    except OSError as error:
        raise disk_failure(error, path) from None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _write(
    file: BinaryIO, name: str, content: Sequence[bytes] | Pieces, expected: Entry | None = None
) -> StoredEntry:
    """The header needs the CRC of what follows it, so bytes come first and the header into its gap."""
    start = file.tell()
    pieces: Iterable[bytes] = content() if callable(content) else content
    file.write(local_header(StoredEntry(name, 0, 0)))
    sha, size, crc = hashlib.sha256(), 0, 0
    for piece in pieces:
        file.write(piece)
        sha.update(piece)
        size, crc = size + len(piece), zlib.crc32(piece, crc)
    if expected is not None and Entry(size, sha.hexdigest()) != expected:
        raise BadInput(f"{name} changed while it was packed", remedy="pack again")
    entry = StoredEntry(name, size, crc)
    end = file.tell()
    file.seek(start)
    file.write(local_header(entry))
    file.seek(end)
    return entry
