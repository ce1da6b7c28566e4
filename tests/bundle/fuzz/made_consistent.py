"""Mutators that know the format: what they change is made whole again, so that inputs get behind checks."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from edgemed.bundle.manifest import MANIFEST, SIGNATURES
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.signature import CONTEXT
from edgemed.bundle.stored_zip import StoredEntry, directory, local_header

Bytewise = Callable[[bytes, int], bytes]
"""A mutator of bytes: (content, most bytes) to other bytes."""

_KEYS = tuple(SecretKey(bytes([number]) * 32) for number in range(10))
LAB = _KEYS[0]
_NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 2**31, 2**53, 2**63, 10**400, -(10**400), 0.5, 1e308, float("nan"),
    float("inf"), "", "..", "../up", "/abs", "a/../b", ".", "a" * 300, "ä" * 5000, "\x00", "\x1b[2K", "ä",
    "e\u0301", "\u202e", "\ud800", "CON", "manifest.json", "0" * 64, "F" * 64, [], {}, [[]], [1] * 3000,
    [-1] * 3000, {"": ""}, {"a": None},
)  # fmt: skip


def mutated_json(content: bytes, rng: random.Random, bytewise: Bytewise) -> bytes:
    """One to four changes of a JSON text's tree, else of its bytes."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return bytewise(content, len(content) + 64)
    for _ in range(rng.randint(1, 4)):
        tree = _changed(tree, rng)
    try:
        text = json.dumps(tree, indent=2 if rng.random() < 0.9 else None) + "\n"
    except (ValueError, RecursionError):
        return content
    return text.encode() if rng.random() < 0.95 else bytewise(text.encode(), len(text) + 64)


def mutated_bundle(content: bytes, rng: random.Random, bytewise: Bytewise) -> bytes:
    """Another manifest, other signatures or other entries, sizes, digests, CRCs and directory to match."""
    entries = _entries(content)
    what = rng.randrange(4)
    if what == 0 or MANIFEST not in entries:
        return bytewise(content, len(content) + 64)
    manifest = entries.pop(MANIFEST)
    signatures = entries.pop(SIGNATURES, None)
    if what == 1 and entries:
        name = rng.choice(sorted(entries))
        entries[name] = bytewise(entries[name], len(entries[name]) + 16)
    elif what == 2:
        manifest = mutated_json(manifest, rng, bytewise)
    if rng.random() < 0.9:
        manifest, entries = _agreed(manifest, entries)
    if signatures is not None or rng.random() < 0.3:
        signatures = _signed(manifest, rng)
        if what == 3:
            signatures = mutated_json(signatures, rng, bytewise)
    first = [(MANIFEST, manifest)] + ([] if signatures is None else [(SIGNATURES, signatures)])
    return _zipped([*first, *entries.items()])


def mutated_npz(content: bytes, rng: random.Random, bytewise: Bytewise) -> bytes:
    """Other bytes of one array's file, packed again as zip files may be."""
    entries = _entries(content)
    if not entries or rng.random() < 0.3:
        return bytewise(content, len(content) + 64)
    name = rng.choice(sorted(entries))
    other = bytewise(entries[name], len(entries[name]) + 64)
    entries[rng.choice([name, *sorted(entries)])] = other
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for each, held in entries.items():
            archive.writestr(each, held)
    return packed.getvalue()


def _changed(tree: Any, rng: random.Random) -> Any:
    """With one node replaced, removed, repeated under another key, or exchanged with its neighbour."""
    nodes = [(None, None), *_places(tree)]
    holder, key = rng.choice(nodes)
    if holder is None:
        return tree if rng.random() < 0.95 else _nasty(rng)
    kind = rng.randrange(5)
    if kind == 0:
        holder[key] = _nasty(rng)
    elif kind == 1:
        del holder[key]
    elif kind == 2 and isinstance(holder, dict):
        holder[str(rng.choice(_NASTY))] = holder[key]
    elif kind == 2:
        holder.insert(key, holder[key])
    elif kind == 3:
        other, place = rng.choice(nodes[1:])
        holder[key] = json.loads(json.dumps(other[place]))
    else:
        holder[key] = _near(holder[key], rng)
    return tree


def _near(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + rng.choice([-1, 1, 255, 2**16])
    if isinstance(value, str) and value:
        place = rng.randrange(len(value))
        return value[:place] + chr(rng.choice([0, 47, 46, 65, 97, 0x430, 0x1F4A9])) + value[place + 1 :]
    return _nasty(rng)


def _nasty(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(_NASTY))


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """(holder, key) of every node below the root."""
    found: list[tuple[Any, Any]] = []
    left = [tree]
    while left:
        holder = left.pop()
        if not isinstance(holder, (dict, list)):
            continue
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            left.append(holder[key])
    return found


def _entries(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                each.filename: archive.read(each) for each in archive.infolist() if each.file_size < 2**20
            }
    except Exception:  # noqa: BLE001 zipfile raises nearly anything; such inputs are mutated as bytes
        return {}


def _agreed(manifest: bytes, entries: dict[str, bytes]) -> tuple[bytes, dict[str, bytes]]:
    """The manifest's entries in order, with the digests of their bytes."""
    try:
        table = json.loads(manifest)
        named = table["entries"]
        held = {name: entries.get(name, name.encode("ascii", "replace")) for name in sorted(named)}
        table["entries"] = {
            name: {"size": len(each), "sha256": hashlib.sha256(each).hexdigest()}
            for name, each in held.items()
        }
        return (json.dumps(table, indent=2) + "\n").encode(), held
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return manifest, entries


def _signed(manifest: bytes, rng: random.Random) -> bytes:
    keys = {LAB, *rng.sample(_KEYS, rng.choice([0, 0, 1, 7, 9]))}
    made = [{"key": key.public.hex, "signature": key.sign(CONTEXT + manifest).hex()} for key in keys]
    return (json.dumps({"signatures": sorted(made, key=lambda each: each["key"])}, indent=2) + "\n").encode()


def _zipped(entries: list[tuple[str, bytes]]) -> bytes:
    written, seen = [], []
    for name, content in entries:
        plain = name.encode("ascii", "replace").decode()[:60_000]
        entry = StoredEntry(plain, len(content), zlib.crc32(content))
        seen.append(entry)
        written += [local_header(entry), content]
    return b"".join([*written, directory(seen)])
