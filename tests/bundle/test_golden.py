"""Bundles of every version of the format, as they were written then, are read for ever.

Where a version is added, so is the bundle that `conftest.made` writes in it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgemed.bundle.manifest import BUNDLE_VERSION
from edgemed.bundle.reader import Bundle
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.trust import TrustStore

GOLDEN = Path(__file__).parent / "golden"
LAB = SecretKey(b"l" * 32)
WRITTEN = {1: "d4074a07abbf2033aeb27621690d370f0b643dd32e9296a338726aecaec1de9c"}
"""sha256 of each file: a golden bundle is never written again."""


@pytest.mark.parametrize("version", range(1, BUNDLE_VERSION + 1))
def test_a_bundle_of_this_version_is_read(version, tmp_path):
    path = GOLDEN / f"v{version}.edgemed"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == WRITTEN[version]
    found = Bundle.open(path)
    assert (found.manifest.name, found.manifest.format_version) == ("chest-xray", version)
    assert TrustStore().with_key("lab", LAB.public).signer(found) == "lab"
    found.extract("onnxruntime-int8", tmp_path / "artefact")
    assert (tmp_path / "artefact" / "model.onnx").read_bytes() == bytes(range(64))


def test_the_format_of_today_writes_the_same_bytes(bundle, lab, tmp_path):
    """A change of the bytes is a new version."""
    path = bundle.write(tmp_path / "now.edgemed", lab)
    assert path.read_bytes() == (GOLDEN / f"v{BUNDLE_VERSION}.edgemed").read_bytes()
