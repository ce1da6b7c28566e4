"""Every kind of bundle that is refused, once as a device meets it: `verify` and `run`, each a process.

All bytes, and all ways to damage them, are tried in `tests/bundle`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ended import Ended

from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.signature import signed
from edgemed.bundle.stored_zip import StoredEntry, directory, local_header
from edgemed.bundle.trust import TrustStore
from edgemed.runtime import read_manifest
from edgemed.stages.packing import artefacts_in, bundle_manifest, pack_as
from edgemed.types import digest_of_file

pytestmark = pytest.mark.slow
LAB, STRANGER = SecretKey(b"l" * 32), SecretKey(b"s" * 32)
MODEL = "artefacts/onnxruntime-fp32/model.onnx"
_ADDRESS_SPACE_KIB = 2_000_000


@dataclass(frozen=True)
class Device:
    """A folder with `a.edgemed`, which LAB signed and which runs here, and a trust store that has LAB."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "a.edgemed"

    @property
    def artefact(self) -> Path:
        return self.folder / "out/artefacts/onnxruntime-fp32"

    def run(self, *args: str) -> Ended:
        env = {
            **os.environ,
            "EDGEMED_TRUST": str(self.folder / "trust.json"),
            "EDGEMED_BUNDLE_CACHE": str(self.folder / "cache"),
        }
        command = f'ulimit -v {_ADDRESS_SPACE_KIB}; exec "$0" -m edgemed.device "$@"'
        done = subprocess.run(
            ["sh", "-c", command, sys.executable, *args],
            cwd=self.folder, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def pack(self, key: SecretKey | None = LAB, **fields: Any) -> None:
        """`fields` of the artefact's manifest are others; its files' digests are those of the files."""
        manifest = replace(read_manifest(self.artefact), **fields)
        files = {name: digest_of_file(self.artefact / name) for name in manifest.files}
        (self.artefact / "manifest.json").write_text(replace(manifest, files=files).to_json())
        out = self.folder / "out"
        pack_as(self.path, out, bundle_manifest(out, artefacts_in(out), epoch=1), key)

    def entries(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def write(self, entries: dict[str, bytes]) -> None:
        """A zip of the format's own form."""
        made = [StoredEntry(name, len(each), zlib.crc32(each)) for name, each in entries.items()]
        parts = [local_header(one) + entries[one.name] for one in made]
        self.path.write_bytes(b"".join([*parts, directory(made)]))

    def sign(self, change: Callable[[dict[str, Any]], None], others: dict[str, bytes] | None = None) -> None:
        """Another manifest and some other entries, with LAB's signature."""
        entries = {**self.entries(), **(others or {})}
        table = json.loads(entries["manifest.json"])
        change(table)
        manifest = (json.dumps(table, indent=2) + "\n").encode()
        kept = {name: entries[name] for name in table["entries"] if name in entries}
        signatures = signed(manifest, LAB).to_json().encode()
        self.write({"manifest.json": manifest, "signatures.json": signatures, **kept})

    def damage(self, find: bytes) -> None:
        """A bit of what is found last."""
        content = bytearray(self.path.read_bytes())
        content[content.rindex(find)] ^= 1
        self.path.write_bytes(content)


@pytest.fixture
def device(artefact, tmp_path) -> Device:
    _, folder = artefact("fusion", "onnxruntime")
    shutil.copytree(folder, tmp_path / "out/artefacts/onnxruntime-fp32")
    (tmp_path / "out/model_card.md").write_text("# fusion\n")
    (tmp_path / "out/sbom.cdx.json").write_text("{}\n")
    TrustStore.edit(tmp_path / "trust.json", lambda store: store.with_key("lab", LAB.public))
    made = Device(tmp_path)
    made.pack()
    return made


def cut(device: Device) -> None:
    os.truncate(device.path, 10 * 1024)


def more(device: Device) -> None:
    entries = device.entries()
    device.write({**entries, "artefacts/onnxruntime-fp32/setup.py": b"print()"})


def swapped(device: Device) -> None:
    """Another net of a bundle that LAB signed too."""
    device.write({**device.entries(), MODEL: device.entries()[MODEL][::-1]})


def stranger(device: Device) -> None:
    device.pack(STRANGER)


def unsigned(device: Device) -> None:
    device.pack(None)


def revoked(device: Device) -> None:
    TrustStore.edit(device.folder / "trust.json", lambda store: store.revoked("lab", "stolen"))


def other_signed(device: Device) -> None:
    """LAB's signature of another bundle."""
    entries = device.entries()
    entries["signatures.json"] = signed(b"{}\n", LAB).to_json().encode()
    device.write(entries)


def bomb(device: Device) -> None:
    """4 GiB of zeros, deflated to 4 MB, where the model was."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)) * 255 + packer.flush()
    header = bytearray(local_header(StoredEntry(MODEL, len(packed), 0)))
    struct.pack_into("<H", header, 8, 8)
    struct.pack_into("<L", header, 22, 255 << 24)
    content = device.path.read_bytes()
    place = content.index(MODEL.encode(), content.index(b"PK\3\4", 4)) - 30
    device.path.write_bytes(content[:place] + header + packed)


def signed_bomb(device: Device) -> None:
    """By a trusted key: a manifest that announces more than a reader takes."""
    device.sign(lambda table: table["entries"][MODEL].update(size=2**40))


def upwards(device: Device) -> None:
    """By a trusted key, and consistent."""
    empty = {"size": 0, "sha256": hashlib.sha256().hexdigest()}
    name = "artefacts/onnxruntime-fp32/../../../../up"
    device.sign(lambda table: table.update(entries=dict(sorted({**table["entries"], name: empty}.items()))))


def newer(device: Device) -> None:
    device.sign(lambda table: table.update(format_version=2, later={}))


BY_VERIFY = {
    "a manifest's byte": (lambda device: device.damage(b'"epoch": 1'), "the bundle is not whole"),
    "a header's byte": (lambda device: device.damage(b"PK\1\2"), "its directory is not that"),
    "an artefact's byte": (lambda device: device.damage(device.entries()[MODEL]), f"{MODEL} is missing"),
    "cut short": (cut, "changed or cut short"),
    "an entry more": (more, "something follows it"),
    "a swapped artefact": (swapped, f"{MODEL} is missing, changed"),
    "a wrong key": (stranger, "nobody here trusts its key"),
    "no key": (unsigned, "the bundle is not signed"),
    "a revoked key": (revoked, "its key 'lab' is revoked: stolen"),
    "a signature of another bundle": (other_signed, "is not of this bundle"),
    "a zip bomb": (bomb, f"{MODEL} is missing, changed"),
    "a signed zip bomb": (signed_bomb, "bytes, expected 0 to"),
    "a name with ..": (upwards, "is no name of an entry"),
    "a newer format": (newer, "format is version 2; this edgemed reads 1 to 1 where"),
}


@pytest.mark.parametrize("kind", BY_VERIFY)
def test_a_bundle_is_refused_before_it_is_unpacked(device, kind):
    change, says = BY_VERIFY[kind]
    assert device.run("verify", "a.edgemed").code == 0
    change(device)
    told = device.run("verify", "a.edgemed").refused(5, says, "where: a.edgemed next:")
    assert device.run("run", "a.edgemed", "none.npz").refused(5, says).splitlines()[0] == told.splitlines()[0]
    assert not (device.folder / "cache").exists()
    assert not (device.folder.parent / "up").exists()


def test_golden_answers_that_differ_are_refused_where_it_is_loaded(device):
    """Whole, signed by a trusted key, and not what this machine computes."""
    with np.load(device.artefact / "golden.npz") as held:
        arrays = dict(held)
    (answers,) = (name for name in arrays if name.startswith("out."))
    np.savez(device.artefact / "golden.npz", **{**arrays, answers: 1 - arrays[answers]})
    device.pack()
    assert device.run("verify", "a.edgemed").code == 0
    device.run("run", "a.edgemed", "none.npz").refused(5, "golden cases differ by", "does not compute what")
    told = device.run("doctor", "a.edgemed")
    assert told.code == 4
    assert "onnxruntime-fp32: golden cases differ by" in told.out


def test_a_golden_file_that_is_a_bomb_is_refused_where_it_is_loaded(device):
    """Of a trusted key: an array's header announces 1 GiB of itself, of which numpy would hold two copies."""
    with zipfile.ZipFile(device.artefact / "golden.npz") as held:
        arrays = {name: held.read(name) for name in held.namelist()}
    name = min(arrays)
    with zipfile.ZipFile(
        device.artefact / "golden.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as packed:
        for each in set(arrays) - {name}:
            packed.writestr(each, arrays[each])
        with packed.open(name, "w", force_zip64=True) as file:
            file.write(b"\x93NUMPY\2\0" + struct.pack("<L", 2**30))
            for _ in range(2**6):
                file.write(bytes(2**24))
    device.pack()
    assert device.path.stat().st_size < 10_000_000
    assert device.run("verify", "a.edgemed").code == 0
    device.run("run", "a.edgemed", "none.npz").refused(5, "golden cases are broken", "a header of")


def test_files_that_are_the_bundles_and_not_the_artefacts_are_refused_where_they_are_loaded(device):
    """Of a trusted key: each time, not only where it was unpacked before."""
    kept = device.entries()
    name = "artefacts/onnxruntime-fp32/golden.npz"
    other = kept[name] + bytes(1)
    entry = {"size": len(other), "sha256": hashlib.sha256(other).hexdigest()}
    device.sign(lambda table: table["entries"][name].update(entry), {name: other})
    assert device.run("verify", "a.edgemed").code == 0
    for _ in range(2):
        device.run("run", "a.edgemed", "none.npz").refused(5, "golden.npz is not the file that was judged")


def test_an_artefact_for_another_cpu_is_refused_where_it_is_loaded(device):
    """ONNX Runtime has no bf16 on any CPU, so this one is for another on all that run this test."""
    device.pack(precision="bf16")
    says = "an artefact for another CPU: onnxruntime has no bf16 on this one"
    assert device.run("verify", "a.edgemed").code == 0
    device.run("run", "a.edgemed", "none.npz").refused(4, says, "compile for this machine")
    device.run("run", str(device.artefact), "none.npz").refused(4, says, "compile for this machine")
    told = device.run("doctor", "a.edgemed")
    assert told.code == 4
    assert f"onnxruntime-fp32: {says}" in told.out
