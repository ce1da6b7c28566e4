"""SecretKey: what a bundle is signed with, Ed25519 (RFC 8032)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edgemed.bundle.pem import SECRET, pem_of, read_pem
from edgemed.bundle.public_key import PublicKey, pynacl
from edgemed.disk import disk_failure, flush_one
from edgemed.errors import BadInput


@dataclass(frozen=True, repr=False)
class SecretKey:
    """`seed`: 32 bytes that nobody else may have."""

    seed: bytes

    @classmethod
    def new(cls) -> SecretKey:
        """From the operating system's randomness."""
        return cls(os.urandom(32))

    @property
    def public(self) -> PublicKey:
        public, _ = pynacl().bindings.crypto_sign_seed_keypair(self.seed)
        return PublicKey(public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        bindings = pynacl().bindings
        _, expanded = bindings.crypto_sign_seed_keypair(self.seed)
        signed: bytes = bindings.crypto_sign(message, expanded)
        return signed[:64]

    @classmethod
    def read(cls, path: Path) -> SecretKey:
        """Raises `BadInput` where the file is no secret Ed25519 key, or others than its owner may read it."""
        seed = read_pem(path, SECRET)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise BadInput(
                "others than its owner may read or write this secret key",
                where=str(path),
                remedy=f"chmod 600 {path}; where somebody may have read it, edgemed keygen another",
            )
        return cls(seed)

    def write(self, path: Path) -> None:
        """A new file, for its owner alone.

        Raises `BadInput` where there is one already, `ToolFailure` where the disk refuses.
        """
        try:
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise BadInput(
                "a key is never written over", where=str(path), remedy="give another --out"
            ) from None
        except OSError as error:
            raise disk_failure(error, path) from None
        try:
            with os.fdopen(opened, "wb") as file:
                file.write(pem_of(SECRET, self.seed).encode())
                file.flush()
                os.fsync(file.fileno())
            flush_one(path.parent)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise disk_failure(error, path) from None
