"""The PEM files of RFC 8410, which OpenSSL reads and writes too, of Ed25519 keys."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from edgemed.errors import BadInput

SECRET = "PRIVATE KEY"
PUBLIC = "PUBLIC KEY"
_DER = {
    SECRET: bytes.fromhex("302e020100300506032b657004220420"),
    PUBLIC: bytes.fromhex("302a300506032b6570032100"),
}
"""What stands before the 32 bytes of the key."""
_LARGEST_FILE = 10_000


def read_pem(path: Path, kind: str) -> bytes:
    """The 32 bytes of a key. Raises `BadInput` where the file holds no such key."""
    start = _DER[kind]
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


def pem_of(kind: str, key: bytes) -> str:
    der = _DER[kind] + key
    return f"-----BEGIN {kind}-----\n{base64.b64encode(der).decode()}\n-----END {kind}-----\n"
