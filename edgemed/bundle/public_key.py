"""PublicKey: what a device trusts, Ed25519 (RFC 8032)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgemed.errors import Unavailable


@dataclass(frozen=True)
class PublicKey:
    """`raw`: 32 bytes."""

    raw: bytes

    @property
    def hex(self) -> str:
        return self.raw.hex()

    @property
    def fingerprint(self) -> str:
        """The first half of its sha256, in hex: what people compare."""
        return hashlib.sha256(self.raw).hexdigest()[:32]

    @property
    def pem(self) -> str:
        from edgemed.bundle.pem import PUBLIC, pem_of

        return pem_of(PUBLIC, self.raw)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        if (len(self.raw), len(signature)) != (32, 64):
            return False
        sodium = pynacl()
        try:
            sodium.bindings.crypto_sign_open(signature + message, self.raw)
        except sodium.exceptions.BadSignatureError:
            return False
        return True

    @classmethod
    def read(cls, path: Path) -> PublicKey:
        """Raises `BadInput` where the file is no public Ed25519 key."""
        from edgemed.bundle.pem import PUBLIC, read_pem

        return cls(read_pem(path, PUBLIC))


def pynacl() -> Any:
    """Its bindings: `nacl.signing` is the same in classes, and takes a device longer to import."""
    try:
        import nacl.bindings
        import nacl.exceptions
    except ImportError:
        raise Unavailable("PyNaCl is not installed", remedy="pip install pynacl") from None
    return nacl
