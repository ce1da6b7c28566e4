"""Signing a bundle that is there, beside the signatures that it has."""

from __future__ import annotations

from pathlib import Path

from edgemed.bundle.reader import Bundle
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.signature import Signatures, signed
from edgemed.bundle.writer import write_bundle
from edgemed.disk import alone, disk_failure
from edgemed.errors import BadInput


def sign_bundle(path: Path, secret: SecretKey) -> Signatures:
    """Give all signatures that it has then. It is read whole first: nothing is signed that was not packed so.

    Two that sign it at once leave both signatures, and the file keeps its mode. Raises what `Bundle.open`,
    `signed` and `write_bundle` raise.
    """
    try:
        with alone(path):
            found = Bundle.open(path)
            others = found.signatures.signatures if found.signatures else ()
            signatures = signed(found.manifest_bytes, secret, others)
            signatures.verify(found.manifest_bytes)
            entries = {name: found.pieces(name) for name in found.manifest.entries}
            write_bundle(path, found.manifest, entries, signatures)
    except FileNotFoundError:
        raise BadInput(
            "the bundle cannot be read: no such folder", where=str(path), remedy="give a .edgemed file"
        ) from None
    except OSError as error:
        raise disk_failure(error, path) from None
    return signatures
