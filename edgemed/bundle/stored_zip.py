"""The bytes of a zip whose entries are stored, with no choice left: there is one such file of its entries.

PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16: version 1.0, method 0, no flags, no extra fields,
no comments, no attributes, every date 1980-01-01 00:00.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

_VERSION = 10
_MIDNIGHT = 0
_FIRST_DAY = 1 << 5 | 1
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")


class StoredEntry(NamedTuple):
    """`name` is ASCII; `crc` the CRC-32 of its `size` bytes."""

    name: str
    size: int
    crc: int


def local_header(entry: StoredEntry) -> bytes:
    """What stands before an entry's bytes."""
    name = entry.name.encode("ascii")
    fields = (_VERSION, 0, 0, _MIDNIGHT, _FIRST_DAY, entry.crc, entry.size, entry.size, len(name), 0)
    return _LOCAL.pack(b"PK\3\4", *fields) + name


def local_header_size(name: str) -> int:
    return _LOCAL.size + len(name)


def directory(entries: Sequence[StoredEntry]) -> bytes:
    """What stands behind the last entry: the central directory and its end."""
    lines, offset = [], 0
    for entry in entries:
        name = entry.name.encode("ascii")
        sizes = (entry.crc, entry.size, entry.size)
        fields = (_VERSION, _VERSION, 0, 0, _MIDNIGHT, _FIRST_DAY, *sizes, len(name), 0, 0, 0, 0, 0, offset)
        lines.append(_CENTRAL.pack(b"PK\1\2", *fields) + name)
        offset += local_header_size(entry.name) + entry.size
    listed = b"".join(lines)
    count = len(entries)
    return listed + _END.pack(b"PK\5\6", 0, 0, count, count, len(listed), offset, 0)
