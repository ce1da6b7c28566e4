"""The file of a wheel: a zip with its RECORD, in the form of the binary distribution format 1.0 (PEP 427)."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from edgemed.disk import disk_failure, flush_one, new_part

_DATE = (1980, 1, 1, 0, 0, 0)


def write_wheel_file(path: Path, info: str, contents: Mapping[str, Iterable[bytes]]) -> None:
    """A wheel of `contents`, in their order, and `info`/RECORD: whole or not at all.

    The same contents give the same bytes. Raises `ToolFailure` where the disk refuses.
    """
    part: Path | None = None
    try:
        part, file = new_part(path)
        with file, zipfile.ZipFile(file, "w") as archive:
            record = [_add(archive, name, iter(pieces)) for name, pieces in contents.items()]
            listed = "".join(f"{line}\n" for line in (*record, f"{info}/RECORD,,"))
            _add(archive, f"{info}/RECORD", iter([listed.encode()]))
        flush_one(part)
        part.replace(path)
    except OSError as error:
        raise disk_failure(error, path) from None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def record_digest(sha256: bytes) -> str:
    """As RECORD writes it: urlsafe base64 without padding."""
    return base64.urlsafe_b64encode(sha256).rstrip(b"=").decode()


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterator[bytes]) -> str:
    """Its line in RECORD."""
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr = 0o644 << 16
    sha, size = hashlib.sha256(), 0
    with archive.open(entry, "w") as file:
        for piece in pieces:
            file.write(piece)
            sha.update(piece)
            size += len(piece)
    return f"{name},sha256={record_digest(sha.digest())},{size}"
