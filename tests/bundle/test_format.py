"""One form of each bundle is read, any zip tool reads it too, and no byte of it is free."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from edgemed.bundle.manifest import BundleManifest
from edgemed.bundle.reader import Bundle
from edgemed.bundle.trust import TrustStore
from edgemed.errors import BadInput, EdgemedError, Untrusted


def refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Untrusted):
        Bundle.open(path)


def test_what_is_written_is_read_and_unpacked(bundle, lab, tmp_path):
    found = Bundle.open(bundle.write(tmp_path / "a.edgemed", lab))
    assert found.manifest == bundle.manifest
    assert found.manifest_bytes == bundle.manifest.to_json().encode()
    for artefact in bundle.manifest.artefacts:
        found.extract(artefact, tmp_path / artefact)
        start = f"artefacts/{artefact}/"
        there = {path.name: path.read_bytes() for path in (tmp_path / artefact).iterdir()}
        assert there == {n.removeprefix(start): b for n, b in bundle.files.items() if n.startswith(start)}
    for name, content in bundle.files.items():
        assert b"".join(found.pieces(name)()) == content


def test_the_same_entries_are_the_same_bytes_and_signing_changes_no_digest(bundle, lab, tmp_path):
    one, two = (bundle.write(tmp_path / name).read_bytes() for name in "ab")
    assert one == two
    signed = Bundle.open(bundle.write(tmp_path / "c", lab))
    assert signed.digest == Bundle.open(tmp_path / "a").digest
    assert signed.digest == hashlib.sha256(signed.manifest_bytes).hexdigest()


def test_a_zip_tool_reads_it(bundle, lab, tmp_path):
    path = bundle.write(tmp_path / "a.edgemed", lab)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "signatures.json", *sorted(bundle.files)]
        for name, content in bundle.files.items():
            assert archive.read(name) == content
    if unzip := shutil.which("unzip"):
        done = subprocess.run([unzip, "-tq", path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "No errors detected" in done.stdout


@pytest.mark.parametrize("keys", [0, 1], ids=["unsigned", "signed"])
def test_no_byte_may_be_another(bundle, lab, tmp_path, keys):
    """Each byte with a bit turned. Of a signed bundle the signature may be read, and then does not hold."""
    path = bundle.write(tmp_path / "a", *[lab] * keys)
    content = path.read_bytes()
    trust = TrustStore().with_key("lab", lab.public)
    changed = tmp_path / "changed"
    for place in range(len(content)):
        broken = bytearray(content)
        broken[place] ^= 1 << place % 8
        changed.write_bytes(broken)
        with pytest.raises(Untrusted):
            trust.signer(Bundle.open(changed)) if keys else Bundle.open(changed)


def test_nothing_may_be_cut_off_or_added(bundle, tmp_path):
    content = bundle.write(tmp_path / "a").read_bytes()
    for length in range(0, len(content), 7):
        refused(tmp_path / "b", content[:length])
    refused(tmp_path / "b", content + b"\0")
    refused(tmp_path / "b", b"\0" + content)


def test_an_entry_that_a_zip_tool_adds_is_refused(bundle, tmp_path):
    path = bundle.write(tmp_path / "a")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("artefacts/onnxruntime-int8/extra", b"more")
    refused(path, path.read_bytes())


def test_a_zip_that_a_tool_packed_again_is_refused(bundle, tmp_path):
    """With the very entries: other dates, flags or a packed form would be bytes that nobody vouches for."""
    source = bundle.write(tmp_path / "a")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(tmp_path / "b", "w", method) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        refused(tmp_path / "b", (tmp_path / "b").read_bytes())


def test_swapped_entries_are_refused(bundle, remade, tmp_path):
    names = ["artefacts/onnxruntime-int8/model.onnx", "artefacts/openvino-fp32/model.bin"]
    files = dict(bundle.files)
    files[names[0]], files[names[1]] = files[names[1]], files[names[0]]
    swapped = remade(files).write(tmp_path / "b").read_bytes()
    own, theirs = bundle.manifest.to_json().encode(), remade(files).manifest.to_json().encode()
    assert len(own) == len(theirs)
    refused(tmp_path / "b", swapped.replace(theirs, own))


def test_random_damage_is_refused(bundle, tmp_path):
    content = bundle.write(tmp_path / "a").read_bytes()
    rng = random.Random(0)
    for _ in range(500):
        start = rng.randrange(len(content))
        kind = rng.randrange(3)
        piece = rng.randbytes(rng.randrange(1, 40))
        broken = (
            content[:start] + (piece if kind else b"") + content[start + (len(piece) if kind < 2 else 0) :]
        )
        if broken != content:
            refused(tmp_path / "b", broken)


def test_a_file_that_changed_since_it_was_read_is_not_unpacked(bundle, tmp_path):
    path = bundle.write(tmp_path / "a")
    found = Bundle.open(path)
    path.write_bytes(path.read_bytes().replace(b"weightsweights", b"weightsWeights", 1))
    found.extract("onnxruntime-int8", tmp_path / "whole")
    with pytest.raises(Untrusted, match="missing, changed or cut short"):
        found.extract("openvino-fp32", tmp_path / "changed")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "whole"]
    with pytest.raises(BadInput, match="there already"):
        found.extract("onnxruntime-int8", tmp_path / "whole")
    with pytest.raises(BadInput, match="no artefact 'tensorrt-fp16'"):
        found.extract("tensorrt-fp16", tmp_path / "none")


@pytest.mark.parametrize(
    "name",
    [
        "../up", "/etc/passwd", "a/../../b", "a//b", "a/./b", "C:/b", "a\\b", "-rf", ".hidden", "a b", "a\0b",
        "ä", "end.", "", "a/", "/".join("abcdefghi"), "n" * 201, "Manifest.JSON", "signatures.json",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(bundle, tmp_path, name):
    table = bundle.manifest.to_dict()
    table["entries"] = dict(sorted({**table["entries"], name: {"size": 0, "sha256": "0" * 64}}.items()))
    with pytest.raises(BadInput):
        BundleManifest.from_dict(table)
    content = bundle.write(tmp_path / "a").read_bytes()
    refused(tmp_path / "b", _with_manifest(content, bundle, table))


def test_a_name_that_is_a_folder_too_is_refused(bundle):
    table = bundle.manifest.to_dict()
    for name in ("artefacts/openvino-fp32", "artefacts/openvino-fp32/MODEL.bin"):
        entries = dict(sorted({**table["entries"], name: {"size": 0, "sha256": "0" * 64}}.items()))
        with pytest.raises(BadInput, match=r"a file and a folder|differ in case"):
            BundleManifest.from_dict({**table, "entries": entries})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"format_version": 2}, "version 2; this edgemed reads 1 to 1"),
        ({"format_version": True}, "no version"),
        ({"format": "other"}, "no version"),
        ({"more": 1}, "more"),
        ({"epoch": -1}, "epoch"),
        ({"artefacts": {}}, "no artefact"),
        ({"name": "../up"}, "is not letters"),
        ({"name": "a\x1b[2Kb"}, "is not letters"),
        ({"version": ""}, "is not letters"),
        ({"inputs": []}, "inputs are none"),
        ({"entries": {"setup.py": {"size": 0, "sha256": "0" * 64}}}, "of no artefact"),
        ({"entries": {}}, "model_card.md is missing"),
        ({"tools": {"a": [[[[[["deep"]]]]]]}}, "expected"),
        ({"preprocess": {"a": "b" * 2**20}}, "is not where it must be"),
        ({"entries": {"b": {"size": 2**40, "sha256": "0" * 64}}}, "bytes"),
    ],
    ids=str,
)
def test_a_manifest_of_another_kind_is_refused(bundle, tmp_path, fields, says):
    content = bundle.write(tmp_path / "a").read_bytes()
    (tmp_path / "b").write_bytes(_with_manifest(content, bundle, {**bundle.manifest.to_dict(), **fields}))
    with pytest.raises(Untrusted, match=says):
        Bundle.open(tmp_path / "b")


def test_a_manifest_in_another_writing_is_refused(bundle, tmp_path):
    """Else one bundle had many digests."""
    content = bundle.write(tmp_path / "a").read_bytes()
    text = bundle.manifest.to_json()
    for other in (text[:-1], text.replace('"epoch": 3', '"epoch":  3'), json.dumps(json.loads(text))):
        (tmp_path / "b").write_bytes(_with_text(content, text, other))
        with pytest.raises(Untrusted, match="another form"):
            Bundle.open(tmp_path / "b")
    twice = text.replace('  "epoch": 3,', '  "epoch": 3,\n  "epoch": 3,')
    (tmp_path / "b").write_bytes(_with_text(content, text, twice))
    with pytest.raises(Untrusted, match="twice"):
        Bundle.open(tmp_path / "b")


def test_hostile_manifests_are_refused_soon_and_without_a_traceback(bundle, tmp_path):
    """A key a thousand times, nesting without end, one that grows when it is written again."""
    content, text = bundle.write(tmp_path / "a").read_bytes(), bundle.manifest.to_json()
    repeated = ",\n".join(f'    "k{number}": "1"' for number in range(20_000))
    null, deep = '"acquisition": null', "[" * 985 + "]" * 985
    grown = "[" * 50 + ",".join(["1"] * 50_000) + "]" * 50
    for old, new in (
        ('"tools": {', '"tools": {\n' + repeated + ',\n    "k0": "1",'),
        (null, '"acquisition": ' + deep),
        ('"preprocess": {}', '"preprocess": {"a": ' + grown + "}"),
        ('"epoch": 3', '"epoch": ' + "9" * 5000),
        ('"edgemed": "0.1.0"', '"edgemed": NaN'),
        ('"edgemed": "0.1.0"', '"edgemed": "\\ud800"'),
    ):
        assert old in text
        (tmp_path / "b").write_bytes(_with_text(content, text, text.replace(old, new)))
        with pytest.raises(Untrusted) as caught:
            Bundle.open(tmp_path / "b")
        assert len(str(caught.value)) < 1000


@pytest.mark.timeout(20)
def test_what_is_no_plain_file_is_refused_at_once(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="no plain file"):
        Bundle.open(tmp_path / "pipe")


def test_a_planted_link_is_not_followed(bundle, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for number in range(3):
        (tmp_path / f".a.{number}.part").symlink_to(victim)
    path = bundle.write(tmp_path / "a")
    assert victim.read_text() == "mine"
    assert not path.is_symlink()


def test_sizes_are_bounded_before_they_are_read(bundle, tmp_path):
    """A header that announces 4 GiB of manifest."""
    content = bytearray(bundle.write(tmp_path / "a").read_bytes())
    content[18:26] = b"\xff" * 8
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(Untrusted, match=r"manifest.json is not where it must be"):
        Bundle.open(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + b"\0" * 18, b"not a zip" * 100], ids=len)
def test_other_files_are_refused(tmp_path, content):
    refused(tmp_path / "a", content)


def test_a_missing_file_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        Bundle.open(tmp_path / "none")
    with pytest.raises(EdgemedError):
        Bundle.open(tmp_path)


def _with_manifest(content: bytes, bundle, table: dict) -> bytes:
    return _with_text(content, bundle.manifest.to_json(), json.dumps(table, indent=2) + "\n")


def _with_text(content: bytes, old: str, new: str) -> bytes:
    """The bundle with another manifest and the headers that go with it."""
    import zlib

    from edgemed.bundle.stored_zip import StoredEntry, local_header

    before = StoredEntry("manifest.json", len(old), zlib.crc32(old.encode()))
    after = StoredEntry("manifest.json", len(new), zlib.crc32(new.encode()))
    start = local_header(before) + old.encode()
    assert content.startswith(start)
    return local_header(after) + new.encode() + content[len(start) :]
