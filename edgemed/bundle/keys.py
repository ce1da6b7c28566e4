"""Keys: Ed25519, in the PEM files of RFC 8410 that OpenSSL reads and writes too."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgemed.disk import disk_failure, flush_one
from edgemed.errors import BadInput, Unavailable

_SECRET = bytes.fromhex("302e020100300506032b657004220420")
_PUBLIC = bytes.fromhex("302a300506032b6570032100")
"""Of the DER forms, what stands before the 32 bytes of the key."""
_LARGEST_FILE = 10_000


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
        return _pem("PUBLIC KEY", _PUBLIC + self.raw)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        nacl = _nacl()
        if (len(self.raw), len(signature)) != (32, 64):
            return False
        try:
            nacl.bindings.crypto_sign_open(signature + message, self.raw)
        except nacl.exceptions.BadSignatureError:
            return False
        return True

    @classmethod
    def read(cls, path: Path) -> PublicKey:
        """Raises `BadInput` where the file is no public Ed25519 key."""
        return cls(_read(path, "PUBLIC KEY", _PUBLIC))


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
        public, _ = _nacl().bindings.crypto_sign_seed_keypair(self.seed)
        return PublicKey(public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        bindings = _nacl().bindings
        _, expanded = bindings.crypto_sign_seed_keypair(self.seed)
        signed: bytes = bindings.crypto_sign(message, expanded)
        return signed[:64]

    @classmethod
    def read(cls, path: Path) -> SecretKey:
        """Raises `BadInput` where the file is no secret Ed25519 key, or others than its owner may read it."""
        seed = _read(path, "PRIVATE KEY", _SECRET)
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
                file.write(_pem("PRIVATE KEY", _SECRET + self.seed).encode())
                file.flush()
                os.fsync(file.fileno())
            flush_one(path.parent)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise disk_failure(error, path) from None


def _read(path: Path, kind: str, start: bytes) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE).decode("ascii", errors="replace")
    except FileNotFoundError:
        raise BadInput(
            "no such file", where=str(path), remedy="edgemed keygen makes a pair of keys"
        ) from None
    except OSError as error:
        raise BadInput(
            f"the key cannot be read: {error.strerror}", where=str(path), remedy="give a .pem file"
        ) from None
    first, _, rest = text.strip().partition("\n")
    body, _, last = rest.rpartition("\n")
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        der = b""
    ends = (first.strip(), last.strip()) == (f"-----BEGIN {kind}-----", f"-----END {kind}-----")
    if not ends or not der.startswith(start) or len(der) != len(start) + 32:
        found = re.fullmatch("-----BEGIN ([A-Z ]{3,40})-----", first.strip())
        raise BadInput(
            f"no {kind.lower()} of Ed25519 in PEM without a password"
            + (f"; it is a {found[1].lower()}" if found else ""),
            where=str(path),
            remedy="edgemed keygen, or openssl genpkey -algorithm ed25519",
        )
    return der[len(start) :]


def _pem(kind: str, der: bytes) -> str:
    return f"-----BEGIN {kind}-----\n{base64.b64encode(der).decode()}\n-----END {kind}-----\n"


def _nacl() -> Any:
    """Its bindings: `nacl.signing` is the same in classes, and takes a device longer to import."""
    try:
        import nacl.bindings
        import nacl.exceptions
    except ImportError:
        raise Unavailable("PyNaCl is not installed", remedy="pip install pynacl") from None
    return nacl
