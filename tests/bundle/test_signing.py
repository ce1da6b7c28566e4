"""Signing a bundle that is there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edgemed.bundle.reader import Bundle
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.signing import sign_bundle
from edgemed.errors import BadInput, Untrusted


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o664])
def test_a_file_keeps_its_mode_and_nothing_lies_beside_it(bundle, lab, tmp_path, mode):
    path = bundle.write(tmp_path / "a")
    path.chmod(mode)
    sign_bundle(path, lab)
    assert path.stat().st_mode & 0o777 == mode
    assert list(tmp_path.iterdir()) == [path]


def test_who_signs_at_once_loses_no_signature(bundle, tmp_path):
    path = bundle.write(tmp_path / "a")
    keys = [SecretKey(bytes([number]) * 32) for number in range(8)]
    together = threading.Barrier(len(keys))

    def sign(key: SecretKey) -> None:
        together.wait(10)
        sign_bundle(path, key)

    threads = [threading.Thread(target=sign, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = Bundle.open(path)
    assert {key.hex for key in found.signatures.verify(found.manifest_bytes)} == {k.public.hex for k in keys}
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(BadInput, match="8 signatures, the most"):
        sign_bundle(path, SecretKey(b"9" * 32))


def test_nothing_is_signed_that_was_not_packed_so(bundle, lab, tmp_path):
    path = bundle.write(tmp_path / "a")
    content = path.read_bytes().replace(b"weightsweights", b"weightsWeights", 1)
    path.write_bytes(content)
    with pytest.raises(Untrusted, match="missing, changed or cut short"):
        sign_bundle(path, lab)
    assert path.read_bytes() == content


def test_a_lock_that_is_a_link_is_not_followed(bundle, lab, tmp_path):
    from edgemed.errors import ToolFailure

    path = bundle.write(tmp_path / "a")
    (tmp_path / ".a.lock").symlink_to(tmp_path / "made")
    with pytest.raises(ToolFailure, match="cannot write"):
        sign_bundle(path, lab)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["none", "none/none"])
def test_what_is_not_there_is_not_signed(lab, tmp_path: Path, name):
    with pytest.raises(BadInput, match="cannot be read"):
        sign_bundle(tmp_path / name, lab)
    assert list(tmp_path.iterdir()) == []
