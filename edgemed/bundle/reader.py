"""Reading a bundle: one form of each bundle is read, and every byte is accounted for."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from edgemed.bundle.manifest import (
    ARTEFACTS,
    BUNDLE_VERSION,
    MANIFEST,
    MOST_BYTES,
    MOST_MANIFEST_BYTES,
    SIGNATURES,
    BundleManifest,
    Entry,
)
from edgemed.bundle.signature import Signatures
from edgemed.bundle.stored_zip import StoredEntry, directory, local_header, local_header_size
from edgemed.disk import flush, flush_one
from edgemed.errors import BadInput, Untrusted
from edgemed.types import Record

PIECE = 1 << 20
_MOST_OVERHEAD = MOST_MANIFEST_BYTES + 2**21
_MOST_SIGNATURE_BYTES = 4096
_AGAIN = "get the bundle again"
_SIZE_AT, _LENGTH_AT = 22, 26
"""Where a local header holds the entry's size and the length of its name."""


class Bundle:
    """A bundle whose bytes are all what its manifest says. Whether it is signed by somebody trusted is for
    `TrustStore`.

    `manifest_bytes` are what signatures are of; `signatures` None where there are none.
    """

    def __init__(
        self, path: Path, manifest: BundleManifest, manifest_bytes: bytes, signatures: Signatures | None
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.manifest_bytes = manifest_bytes
        self.signatures = signatures

    @property
    def digest(self) -> str:
        """sha256 of the manifest: of all but the signatures."""
        return hashlib.sha256(self.manifest_bytes).hexdigest()

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Read every byte and compare it with what the manifest lets it be.

        Raises `BadInput` where there is no such file, `Untrusted` for anything else than the one file that
        `write_bundle` makes of this manifest, these entries and these signatures.
        """
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST_BYTES + _MOST_OVERHEAD:
                raise _broken(path, f"{size} bytes, at most {MOST_BYTES + _MOST_OVERHEAD} are read")
            walk = _Walk(path, file)
            manifest_bytes = walk.small(MANIFEST, MOST_MANIFEST_BYTES)
            manifest = _manifest(path, manifest_bytes)
            signatures = None
            if walk.next_is(SIGNATURES):
                text = walk.small(SIGNATURES, _MOST_SIGNATURE_BYTES)
                signatures = _signatures(path, text)
            for name, entry in manifest.entries.items():
                walk.large(name, entry, lambda piece: None)
            walk.end(size)
        return cls(path, manifest, manifest_bytes, signatures)

    def extract(self, artefact: str, folder: Path) -> None:
        """The files of one artefact as the new folder `folder`, which is there whole or not at all. What is
        written is compared once more.

        Raises `BadInput` where there is no such artefact or the folder is there, `Untrusted` where the bundle
        changed since it was opened, and `OSError`.
        """
        if artefact not in self.manifest.artefacts:
            raise BadInput(f"there is no artefact {artefact!r}", where=str(self.path))
        if folder.exists():
            raise BadInput("the folder is there already", where=str(folder))
        import shutil
        import tempfile

        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            self._write(f"{ARTEFACTS}{artefact}/", part)
            flush(part)
            part.rename(folder)
            flush_one(folder.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _write(self, start: str, folder: Path) -> None:
        with _opened(self.path) as file:
            walk = _Walk(self.path, file)
            if walk.small(MANIFEST, MOST_MANIFEST_BYTES) != self.manifest_bytes:
                raise _broken(self.path, "it changed since it was opened")
            if self.signatures is not None:
                walk.small(SIGNATURES, _MOST_SIGNATURE_BYTES)
            for name, entry in self.manifest.entries.items():
                if not name.startswith(start):
                    walk.skip(name, entry)
                    continue
                place = folder / name.removeprefix(start)
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as written:
                    walk.large(name, entry, written.write)

    def pieces(self, name: str) -> Callable[[], Iterator[bytes]]:
        """An entry's bytes, for writing the bundle again."""
        offset = local_header_size(MANIFEST) + len(self.manifest_bytes)
        if self.signatures is not None:
            offset += local_header_size(SIGNATURES) + len(self.signatures.to_json().encode())
        for each, entry in self.manifest.entries.items():
            if each == name:
                break
            offset += local_header_size(each) + entry.size
        start, size = offset + local_header_size(name), self.manifest.entries[name].size

        def read() -> Iterator[bytes]:
            with _opened(self.path) as file:
                file.seek(start)
                left = size
                while left and (piece := file.read(min(PIECE, left))):
                    left -= len(piece)
                    yield piece

        return read


class _Walk:
    """From entry to entry, each where the one before it ends."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._seen: list[StoredEntry] = []

    def small(self, name: str, most: int) -> bytes:
        """The next entry, whose size only its header tells."""
        header = self._file.read(local_header_size(name))
        size = int.from_bytes(header[_SIZE_AT : _SIZE_AT + 4], "little")
        if name == MANIFEST and not header.startswith(b"PK\3\4"):
            raise _broken(self._path, "it does not begin as a bundle does, if it is one")
        if not header.startswith(b"PK\3\4") or not header.endswith(name.encode()) or size > most:
            raise _broken(self._path, f"{name} is not where it must be")
        content = self._file.read(size)
        entry = StoredEntry(name, len(content), zlib.crc32(content))
        if local_header(entry) != header:
            raise _broken(self._path, f"{name} is changed or cut short")
        self._seen.append(entry)
        return content

    def next_is(self, name: str) -> bool:
        here = self._file.tell()
        header = self._file.read(local_header_size(name))
        self._file.seek(here)
        length = int.from_bytes(header[_LENGTH_AT : _LENGTH_AT + 2], "little")
        return length == len(name) and header.endswith(name.encode())

    def large(self, name: str, expected: Entry, take: Callable[[bytes], object]) -> None:
        """The next entry, of a known size and digest."""
        header = self._file.read(local_header_size(name))
        sha, crc, left = hashlib.sha256(), 0, expected.size
        while left and (piece := self._file.read(min(PIECE, left))):
            sha.update(piece)
            crc, left = zlib.crc32(piece, crc), left - len(piece)
            take(piece)
        entry = StoredEntry(name, expected.size, crc)
        if left or local_header(entry) != header or sha.hexdigest() != expected.sha256:
            raise _broken(self._path, f"{name} is missing, changed or cut short")
        self._seen.append(entry)

    def skip(self, name: str, expected: Entry) -> None:
        self._file.seek(local_header_size(name) + expected.size, os.SEEK_CUR)

    def end(self, size: int) -> None:
        """Nothing but the directory of what was seen follows."""
        rest = size - self._file.tell()
        expected = directory(self._seen)
        if rest != len(expected) or self._file.read(rest) != expected:
            raise _broken(self._path, "its directory is not that of its entries, or something follows it")


def _manifest(path: Path, content: bytes) -> BundleManifest:
    try:
        text = content.decode()
        version = _version(text)
        if version > BUNDLE_VERSION:
            raise Untrusted(
                f"the bundle's format is version {version}; this edgemed reads 1 to {BUNDLE_VERSION}",
                where=str(path),
                remedy="pip install --upgrade edgemed",
            )
        manifest = BundleManifest.from_json(text, where=MANIFEST)
    except (UnicodeDecodeError, BadInput) as error:
        problem = error.problem if isinstance(error, BadInput) else str(error)
        where = error.where if isinstance(error, BadInput) else MANIFEST
        raise _broken(path, f"{where}: {problem}") from None
    if not _is_written_so(manifest, text):
        raise _broken(path, f"{MANIFEST} is written in another form than edgemed's")
    return manifest


def _version(text: str) -> int:
    try:
        found = json.loads(text)
        version = found["format_version"] if found["format"] == "edgemed bundle" else None
    except (ValueError, TypeError, KeyError, RecursionError):
        version = None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadInput("it names no version of the format", where=MANIFEST)
    return version


def _signatures(path: Path, content: bytes) -> Signatures:
    try:
        text = content.decode()
        found = Signatures.from_json(text, where=SIGNATURES)
    except (UnicodeDecodeError, BadInput) as error:
        raise _broken(path, f"{SIGNATURES}: {error}") from None
    if not _is_written_so(found, text):
        raise _broken(path, f"{SIGNATURES} is written in another form than edgemed's")
    return found


def _is_written_so(record: Record, text: str) -> bool:
    """Whether `to_json` writes this text, found out piece by piece: deep nesting may blow up a short text."""
    place = 0
    for piece in json.JSONEncoder(indent=2, allow_nan=False).iterencode(record.to_dict()):
        if not text.startswith(piece, place):
            return False
        place += len(piece)
    return text[place:] == "\n"


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise BadInput(
            "a folder: what is signed is the one file", where=str(path), remedy="give a .edgemed file"
        )
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise BadInput(
            f"the bundle cannot be read: {error.strerror}", where=str(path), remedy="give a .edgemed file"
        ) from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise BadInput("no plain file", where=str(path), remedy="give a .edgemed file")
    return file


def _broken(path: Path, problem: str) -> Untrusted:
    return Untrusted(f"the bundle is not whole: {problem}", where=str(path), remedy=_AGAIN)
