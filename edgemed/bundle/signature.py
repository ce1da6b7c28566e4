"""Signatures: Ed25519 (RFC 8032) over the manifest's bytes, whose digests hold every other byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgemed.bundle.public_key import PublicKey
from edgemed.errors import BadInput, Untrusted
from edgemed.types import Record

if TYPE_CHECKING:
    from edgemed.bundle.secret_key import SecretKey

CONTEXT = b"edgemed bundle 1\n"
"""Before the manifest in what is signed: a signature of something else is none of a bundle."""
MOST_SIGNATURES = 8


class Signature(Record):
    """`key` is the public key, `signature` its 64 bytes, both in hex."""

    key: str
    signature: str


class Signatures(Record):
    """`signatures.json`. By ascending keys, each key once."""

    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        keys = [each.key for each in self.signatures]
        if not 1 <= len(keys) <= MOST_SIGNATURES or keys != sorted(set(keys)):
            raise BadInput(f"they are not 1 to {MOST_SIGNATURES}, in order and each key once")

    def verify(self, manifest: bytes, where: str = "") -> tuple[PublicKey, ...]:
        """The keys, every one of whose signatures holds. Raises `Untrusted`."""
        keys = []
        for each in self.signatures:
            key = PublicKey(_bytes(each.key, 32, where))
            if not key.verifies(CONTEXT + manifest, _bytes(each.signature, 64, where)):
                raise Untrusted(
                    f"the signature of key {key.fingerprint} is not of this bundle",
                    where=where,
                    remedy="get the bundle again; it was changed after it was signed",
                )
            keys.append(key)
        return tuple(keys)


def signed(manifest: bytes, secret: SecretKey, others: Sequence[Signature] = ()) -> Signatures:
    """`others` and one by `secret`, which replaces its earlier one."""
    key = secret.public.hex
    own = Signature(key, secret.sign(CONTEXT + manifest).hex())
    kept = [each for each in others if each.key != key]
    if len(kept) == MOST_SIGNATURES:
        raise BadInput(
            f"it has {MOST_SIGNATURES} signatures, the most that a bundle takes",
            remedy="edgemed pack it again, and sign that",
        )
    return Signatures(tuple(sorted((*kept, own), key=lambda each: each.key)))


def _bytes(text: str, length: int, where: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != length or found.hex() != text:
        raise Untrusted(f"a signature's key or value is not {length} bytes in hex", where=where)
    return found
