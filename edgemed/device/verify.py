"""Whether a bundle is whole, and whose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgemed.bundle.manifest import BundledArtefact
from edgemed.bundle.public_key import PublicKey
from edgemed.bundle.reader import Bundle
from edgemed.bundle.trust import TrustStore, trust_path
from edgemed.errors import printable
from edgemed.types import Record


class Verified(Record):
    """`signed_by` is the name that the trust store has for the key, or the key's
    fingerprint where keys were given."""

    bundle: str
    manifest_sha256: str
    name: str
    version: str
    epoch: int
    signed_by: str
    artefacts: dict[str, BundledArtefact]


def verify(path: Path, keys: Sequence[Path] = ()) -> Verified:
    """Compare every byte, and ask whether a trusted key signed it: one of `keys`, else of the device's store.
    A key that the store has revoked is trusted in neither case.

    Raises `Untrusted` where not, and `BadInput` where a file is missing or a key is none.
    """
    trust = TrustStore.read(trust_path())
    given = [PublicKey.read(key) for key in keys]
    bundle = Bundle.open(path)
    manifest = bundle.manifest
    if given:
        told = f"--key gives {', '.join(key.fingerprint for key in given)}: give the key of whoever signed it"
        signed_by = trust.of_keys(given).signer(bundle, remedy=told)
    else:
        signed_by = trust.signer(bundle)
    return Verified(
        bundle=str(path),
        manifest_sha256=bundle.digest,
        name=manifest.name,
        version=manifest.version,
        epoch=manifest.epoch,
        signed_by=signed_by,
        artefacts=manifest.artefacts,
    )


def lines(found: Verified) -> list[str]:
    """What `edgemed verify` and `edgemed-device verify` print."""
    told = [
        f"{found.name} {found.version}, epoch {found.epoch}: whole, signed by {found.signed_by}",
        f"sha256 of its manifest: {found.manifest_sha256}",
    ]
    for name, artefact in found.artefacts.items():
        stamps = f" ({', '.join(artefact.stamps)})" if artefact.stamps else ""
        told.append(f"{name}: {artefact.verdict}{stamps}")
    return [printable(line) for line in told]
