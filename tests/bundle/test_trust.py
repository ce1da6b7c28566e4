"""Whose bundles a device runs: keys, revocation, rotation, and no way back."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edgemed.bundle.public_key import PublicKey
from edgemed.bundle.reader import Bundle
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.signature import CONTEXT, Signature, Signatures
from edgemed.bundle.trust import TrustedKey, TrustStore, trust_path
from edgemed.errors import BadInput, Untrusted


@pytest.fixture
def signed(bundle, lab, tmp_path) -> Bundle:
    return Bundle.open(bundle.write(tmp_path / "signed", lab))


def test_a_bundle_of_a_trusted_key_is_its_signers(signed, lab):
    assert TrustStore().with_key("lab", lab.public).signer(signed) == "lab"


def test_unsigned_unknown_and_revoked_are_refused(bundle, signed, lab, other, tmp_path):
    trust = TrustStore().with_key("lab", lab.public)
    with pytest.raises(Untrusted, match="not signed") as caught:
        trust.signer(Bundle.open(bundle.write(tmp_path / "unsigned")))
    assert "edgemed sign" in caught.value.remedy
    with pytest.raises(Untrusted, match=f"nobody here trusts its key {lab.public.fingerprint}"):
        TrustStore().with_key("other", other.public).signer(signed)
    with pytest.raises(Untrusted, match="its key 'lab' is revoked: stolen"):
        trust.revoked("lab", "stolen").signer(signed)


def test_a_bundle_of_two_keys_outlives_one_of_them(bundle, lab, other, tmp_path):
    """Rotation: sign with both, let devices take the new key, revoke the old one."""
    both = Bundle.open(bundle.write(tmp_path / "both", lab, other))
    trust = TrustStore().with_key("old", lab.public).with_key("new", other.public)
    assert trust.signer(both) == "new" if other.public.hex < lab.public.hex else "old"
    assert trust.revoked("old", "rotated").signer(both) == "new"
    assert TrustStore().with_key("old", lab.public).signer(both) == "old"


def test_every_signature_must_hold(bundle, lab, other, tmp_path):
    path = bundle.write(tmp_path / "a", lab, other)
    found = Bundle.open(path)
    one, two = found.signatures.signatures
    forged = Signatures((one, Signature(two.key, one.signature)))
    trust = TrustStore().with_key("lab", lab.public).with_key("other", other.public)
    wrong = Bundle(path, found.manifest, found.manifest_bytes, forged)
    with pytest.raises(Untrusted, match="is not of this bundle"):
        trust.signer(wrong)


def test_a_signature_of_another_manifest_or_without_the_context_does_not_hold(bundle, lab):
    manifest = bundle.manifest.to_json().encode()
    for message in (manifest, CONTEXT + manifest + b"\n", CONTEXT[:-1] + manifest):
        made = Signatures((Signature(lab.public.hex, lab.sign(message).hex()),))
        with pytest.raises(Untrusted):
            made.verify(manifest)


def test_nothing_older_runs_after_a_later_epoch(bundle, lab, tmp_path):
    trust = TrustStore().with_key("lab", lab.public)
    old, new = (
        Bundle.open(bundle.changed(epoch=epoch).write(tmp_path / str(epoch), lab)) for epoch in (3, 4)
    )
    trust.signer(old)
    trust = trust.after(new).after(old)
    assert trust.epochs == {"chest-xray": 4}
    with pytest.raises(Untrusted, match="epoch 3 of 'chest-xray'; epoch 4 has run here"):
        trust.signer(old)
    assert trust.signer(new) == "lab"
    another = bundle.changed(name="knee-mri", epoch=0).write(tmp_path / "knee", lab)
    assert trust.signer(Bundle.open(another)) == "lab"


def test_a_store_keeps_what_it_was_told(lab, other, tmp_path):
    path = tmp_path / "deep" / "trust.json"
    trust = TrustStore.edit(path, lambda store: store.with_key("lab", lab.public))
    trust = TrustStore.edit(path, lambda store: store.with_key("b", other.public).revoked("b", ""))
    assert TrustStore.read(path) == trust
    assert trust.keys["lab"] == TrustedKey(lab.public.hex)
    assert trust.keys["b"] == TrustedKey(other.public.hex, "revoked")
    assert TrustStore.read(tmp_path / "none") == TrustStore()


def test_an_edit_waits_for_another_that_began_before(lab, other, tmp_path):
    """Adding a key while somebody revokes one: the revocation stays."""
    import threading

    path = tmp_path / "trust.json"
    TrustStore.edit(path, lambda store: store.with_key("lab", lab.public))
    began, go_on = threading.Event(), threading.Event()

    def slowly(store: TrustStore) -> TrustStore:
        began.set()
        go_on.wait(10)
        return store.revoked("lab", "stolen")

    slow = threading.Thread(target=TrustStore.edit, args=(path, slowly))
    slow.start()
    began.wait(10)
    quick = threading.Thread(
        target=TrustStore.edit, args=(path, lambda store: store.with_key("other", other.public))
    )
    quick.start()
    quick.join(0.2)
    assert quick.is_alive()
    go_on.set()
    slow.join(10)
    quick.join(10)
    found = TrustStore.read(path)
    assert found.keys["lab"].revoked == "stolen"
    assert set(found.keys) == {"lab", "other"}


def test_a_broken_store_trusts_nobody(lab, tmp_path):
    path = tmp_path / "trust.json"
    text = TrustStore().with_key("lab", lab.public).to_json()
    for broken in (text[:-9], text.replace("lab", "Lab", 1).replace('"keys"', '"keyz"'), "\xff", "[]"):
        path.write_text(broken, encoding="latin-1")
        with pytest.raises(Untrusted, match="trust store cannot be read"):
            TrustStore.read(path)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o660])
def test_a_store_that_others_may_write_trusts_nobody(lab, tmp_path, mode):
    path = tmp_path / "trust.json"
    TrustStore.edit(path, lambda store: store.with_key("lab", lab.public))
    path.chmod(mode)
    for change in (TrustStore.read, lambda path: TrustStore.edit(path, lambda store: store)):
        with pytest.raises(Untrusted, match="others than its owner may write it") as caught:
            change(path)
        assert caught.value.remedy.endswith(f"chmod go-w {path}")
    path.chmod(mode & ~0o022)
    assert "lab" in TrustStore.read(path).keys


def test_a_store_of_another_user_trusts_nobody(lab, tmp_path):
    path = tmp_path / "trust.json"
    TrustStore.edit(path, lambda store: store.with_key("lab", lab.public))
    try:
        os.chown(path, 12345, -1)
    except PermissionError:
        pytest.skip("only root can give a file away")
    with pytest.raises(Untrusted, match="belongs to user 12345") as caught:
        TrustStore.read(path)
    assert caught.value.remedy.endswith(f"chown 0 {path}")


@pytest.mark.parametrize(("umask", "mode"), [(0o000, 0o644), (0o002, 0o644), (0o077, 0o600)])
def test_whatever_the_umask_only_the_owner_writes_a_store(lab, other, tmp_path, umask, mode):
    path = tmp_path / "trust.json"
    before = os.umask(umask)
    try:
        TrustStore.edit(path, lambda store: store.with_key("lab", lab.public))
        TrustStore.edit(path, lambda store: store.with_key("other", other.public))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode
    assert set(TrustStore.read(path).keys) == {"lab", "other"}


def test_keys_that_are_given_are_all_that_is_trusted_but_no_revoked_one(signed, lab, other):
    trust = TrustStore().with_key("lab", lab.public)
    assert TrustStore().of_keys([lab.public]).signer(signed) == lab.public.fingerprint
    with pytest.raises(Untrusted, match="nobody here trusts"):
        trust.of_keys([other.public]).signer(signed)
    with pytest.raises(Untrusted, match="its key 'lab' is revoked: stolen"):
        trust.revoked("lab", "stolen").of_keys([lab.public, other.public]).signer(signed)


def test_what_a_bundle_says_commands_no_terminal(bundle, lab, tmp_path, monkeypatch):
    """Not even one of a trusted key: escapes, and marks that turn text around."""
    from edgemed.bundle.manifest import BundledArtefact
    from edgemed.device.verify import lines, verify

    monkeypatch.setenv("EDGEMED_TRUST", str(tmp_path / "trust.json"))
    (tmp_path / "lab.pem").write_text(lab.public.pem)
    said = BundledArtefact("onnxruntime", "int8", "refuted", "0" * 64, ("\x1b[2Kfine\u202enevorp",))
    artefacts = dict.fromkeys(bundle.manifest.artefacts, said)
    path = bundle.changed(artefacts=artefacts).write(tmp_path / "a", lab)
    told = "\n".join(lines(verify(path, [tmp_path / "lab.pem"])))
    assert r"refuted (\x1b[2Kfine\u202enevorp)" in told
    assert not {"\x1b", "\u202e"} & set(told)


def test_a_key_of_small_order_vouches_for_nothing(bundle, tmp_path):
    """Of such keys, signatures of zeros hold for any message where a verifier only follows the formula."""
    for key in (
        "01" + "00" * 31,
        "00" * 32,
        "ec" + "ff" * 30 + "7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ):
        point = PublicKey(bytes.fromhex(key))
        for signature in (bytes(64), point.raw + bytes(32), b"\1" + bytes(63)):
            assert not point.verifies(b"message", signature)


def test_a_key_has_one_name_and_stays_revoked(lab, other):
    trust = TrustStore().with_key("lab", lab.public).revoked("lab", "lost")
    with pytest.raises(BadInput, match="'lab' already, and revoked"):
        trust.with_key("again", lab.public)
    with pytest.raises(BadInput, match="is another key"):
        trust.with_key("lab", other.public)
    with pytest.raises(BadInput, match="one key has two names"):
        replace(trust, keys={**trust.keys, "two": TrustedKey(lab.public.hex)})
    with pytest.raises(BadInput, match="no key 'lap'") as caught:
        trust.revoked("lap", "")
    assert "did you mean 'lab'" in caught.value.remedy


def test_where_the_store_is(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEMED_TRUST", str(tmp_path / "mine.json"))
    assert trust_path() == tmp_path / "mine.json"


def test_a_pair_of_keys_is_written_and_read(tmp_path):
    secret = SecretKey.new()
    path = tmp_path / "lab.key.pem"
    secret.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SecretKey.read(path) == secret
    (tmp_path / "lab.pub.pem").write_text(secret.public.pem)
    assert PublicKey.read(tmp_path / "lab.pub.pem") == secret.public
    assert secret.seed.hex() not in repr(secret)
    with pytest.raises(BadInput, match="never written over"):
        secret.write(path)
    path.chmod(0o640)
    with pytest.raises(BadInput, match="others than its owner") as caught:
        SecretKey.read(path)
    assert "chmod 600" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused(tmp_path, text):
    path = tmp_path / "key.pem"
    path.write_text(text)
    path.chmod(0o600)
    for kind in (SecretKey, PublicKey):
        with pytest.raises(BadInput, match="of Ed25519 in PEM"):
            kind.read(path)


def _openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not installed: apt install openssl")
    return subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_openssl_makes_keys_that_sign_bundles(bundle, tmp_path):
    _openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key.pem")
    _openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-out", tmp_path / "pub.pem")
    (tmp_path / "key.pem").chmod(0o600)
    secret = SecretKey.read(tmp_path / "key.pem")
    assert PublicKey.read(tmp_path / "pub.pem") == secret.public
    found = Bundle.open(bundle.write(tmp_path / "a", secret))
    assert TrustStore().with_key("openssl", secret.public).signer(found) == "openssl"


def test_openssl_verifies_a_bundles_signature(signed, lab, tmp_path):
    (tmp_path / "pub.pem").write_text(lab.public.pem)
    (tmp_path / "message").write_bytes(CONTEXT + signed.manifest_bytes)
    (tmp_path / "signature").write_bytes(bytes.fromhex(signed.signatures.signatures[0].signature))
    arguments = (
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        tmp_path / "pub.pem",
        "-rawin",
        "-in",
        tmp_path / "message",
    )
    done = _openssl(*arguments, "-sigfile", tmp_path / "signature")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "message").write_bytes(CONTEXT + signed.manifest_bytes + b"\n")
    assert _openssl(*arguments, "-sigfile", tmp_path / "signature").returncode != 0


def test_a_key_may_be_trusted_for_some_models_alone(bundle, lab, other, tmp_path):
    found = Bundle.open(bundle.write(tmp_path / "a", lab, other))
    assert TrustStore().with_key("lab", lab.public, ["brain", "chest-xray"]).signer(found) == "lab"
    narrow = TrustStore().with_key("lab", lab.public, ["brain"])
    with pytest.raises(Untrusted, match="its key 'lab' is trusted for brain alone, not for 'chest-xray'"):
        narrow.signer(found)
    assert narrow.with_key("other", other.public).signer(found) == "other"
    with pytest.raises(
        Untrusted, match=r"'lab' is trusted for brain alone.* and its key 'other' is revoked: lost"
    ):
        narrow.with_key("other", other.public).revoked("other", "lost").signer(found)


@pytest.mark.parametrize("name", ["", "two words", "a/b", "\x1b[2J", "-x"])
def test_names_of_keys_and_models_are_plain(lab, name):
    with pytest.raises(BadInput, match="is not letters, digits"):
        TrustStore().with_key(name, lab.public)
    with pytest.raises(BadInput, match="is not letters, digits"):
        TrustStore().with_key("lab", lab.public, [name])


def test_a_key_revoked_twice_keeps_the_reason(lab):
    once = TrustStore().with_key("lab", lab.public).revoked("lab", "stolen")
    assert once.revoked("lab", "") == once
    assert once.revoked("lab", "found again").keys["lab"].revoked == "found again"


def test_an_empty_store_knows_no_key_to_revoke():
    with pytest.raises(BadInput, match="there is no key 'lab'") as caught:
        TrustStore().revoked("lab", "")
    assert caught.value.remedy == "this trust store holds no key"


def test_what_is_no_key_file_is_said_in_words(bundle, lab, tmp_path):
    with pytest.raises(BadInput, match="the key cannot be read: Is a directory") as caught:
        PublicKey.read(tmp_path)
    assert caught.value.remedy == "give a .pem file"
    with pytest.raises(BadInput, match="no public key of Ed25519 in PEM"):
        PublicKey.read(bundle.write(tmp_path / "model.edgemed", lab))


def test_a_key_that_is_there_may_be_added_again_and_for_other_models(lab):
    """Provisioning runs more than once."""
    store = TrustStore().with_key("lab", lab.public, ["brain"])
    assert store.with_key("lab", lab.public, ["brain"]) == store
    for models in (["brain", "knee"], []):
        assert store.with_key("lab", lab.public, models).keys["lab"].models == tuple(models)
    with pytest.raises(BadInput, match="this key is 'lab' already"):
        store.with_key("other", lab.public, ["brain"])
    with pytest.raises(BadInput, match="and revoked"):
        store.revoked("lab", "lost").with_key("lab", lab.public, ["brain"])
