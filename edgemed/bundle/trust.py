"""TrustStore: whose bundles a device runs, and how far back it may go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path

from edgemed.bundle.entry_name import is_plain
from edgemed.bundle.public_key import PublicKey
from edgemed.bundle.reader import Bundle
from edgemed.disk import alone, disk_failure, flush_one, foreign_writers, write_whole
from edgemed.errors import BadInput, Untrusted
from edgemed.types import Record, did_you_mean

TRUST_VERSION = 1
TRUST_VARIABLE = "EDGEMED_TRUST"
_SYSTEM = Path("/etc/edgemed/trust.json")
_MODE = 0o644
_ADD = "edgemed-device trust add NAME KEY.pub.pem, where you know whose key it is"


class TrustedKey(Record):
    """`key` in hex. `revoked` says why, "" while it is trusted: a revoked key stays listed, and is never
    trusted again by mistake. `models` are those that it may sign, all where there is none: a key that signs
    any name and epoch could lock out another model's own bundles."""

    key: str
    revoked: str = ""
    models: tuple[str, ...] = ()

    def against(self, model: str) -> str:
        """Why it is not trusted for this model, in words; empty where it is."""
        if self.revoked:
            return f"is revoked: {self.revoked}"
        if self.models and model not in self.models:
            return f"is trusted for {', '.join(self.models)} alone, not for {model!r}"
        return ""


class TrustStore(Record):
    """`keys` by the names that people gave them; `epochs` by model, the highest that has run here."""

    keys: dict[str, TrustedKey] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    format_version: int = TRUST_VERSION

    def __post_init__(self) -> None:
        if self.format_version != TRUST_VERSION:
            raise BadInput(
                f"format version {self.format_version}; this edgemed reads {TRUST_VERSION}",
                where="format_version",
            )
        for model, epoch in self.epochs.items():
            if epoch < 0:
                raise BadInput(f"{epoch} is below 0", where=f"epochs.{model}")
        held = [each.key for each in self.keys.values()]
        if len(set(held)) < len(held):
            raise BadInput("one key has two names", where="keys")
        for name, each in self.keys.items():
            if len(each.key) != 64 or not set(each.key) <= set("0123456789abcdef"):
                raise BadInput("no key of 32 bytes in hex", where=f"keys.{name}")

    @classmethod
    def read(cls, path: Path) -> TrustStore:
        """An empty one where there is no file. Raises `Untrusted` where it cannot be read, or somebody else
        than root and this user may have written it: nobody is trusted by such a file."""
        try:
            with path.open("rb") as file:
                _check_writers(path, os.fstat(file.fileno()))
                return cls.from_json(file.read().decode(), where=str(path))
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError, BadInput) as error:
            told = error.problem if isinstance(error, BadInput) else getattr(error, "strerror", "no text")
            raise Untrusted(
                f"the trust store cannot be read: {told}",
                where=str(path),
                remedy="put back a copy; a new store would have forgotten what is revoked, and every epoch",
            ) from None

    @classmethod
    def edit(cls, path: Path, change: Callable[[TrustStore], TrustStore]) -> TrustStore:
        """The store at `path`, changed, whole or not at all, with no other edit in between: one that adds a
        key may not undo a revocation. Raises what `read` and `change` raise, and `ToolFailure`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with alone(path):
                store = change(cls.read(path))
                write_whole(path, store.to_json(), _MODE)
                flush_one(path.parent)
        except OSError as error:
            remedy = "free some space, or run it as the user who owns the trust store"
            raise disk_failure(error, path, remedy) from None
        return store

    def with_key(self, name: str, key: PublicKey, models: Sequence[str] = ()) -> TrustStore:
        """With a key that may sign `models`, any where there is none; it replaces what the key might before.

        Raises `BadInput` where the name is another key's, the key has another name or is revoked, or a name
        is none.
        """
        for word in (name, *models):
            if not is_plain(word):
                raise BadInput(
                    f"{word[:40]!r} is not letters, digits and _ . + - from a letter on",
                    where="the key's name" if word == name else "--model",
                )
        added = TrustedKey(key.hex, models=tuple(models))
        for known, each in self.keys.items():
            if each.key == key.hex and (known != name or each.revoked):
                raise BadInput(
                    f"this key is {known!r} already" + (", and revoked" if each.revoked else ""),
                    where=name,
                    remedy="make another key, edgemed keygen"
                    if each.revoked
                    else "edgemed-device trust list",
                )
        if name in self.keys and self.keys[name].key != key.hex:
            raise BadInput(f"{name!r} is another key", where=name, remedy="give this one a name of its own")
        return replace(self, keys={**self.keys, name: added})

    def revoked(self, name: str, why: str) -> TrustStore:
        """Without `why`, one that is revoked already keeps its reason.

        Raises `BadInput` where there is no such key.
        """
        if name not in self.keys:
            known = did_you_mean(name, self.keys) if self.keys else "this trust store holds no key"
            raise BadInput(f"there is no key {name!r}", remedy=known)
        why = why or self.keys[name].revoked or "revoked"
        return replace(self, keys={**self.keys, name: replace(self.keys[name], revoked=why)})

    def of_keys(self, keys: Iterable[PublicKey]) -> TrustStore:
        """What trusts these keys alone, by their fingerprints. One that is revoked here stays so, under the
        name that it has here; epochs are not asked for."""
        revoked = {name: each for name, each in self.keys.items() if each.revoked}
        gone = {each.key for each in revoked.values()}
        given = {key.fingerprint: TrustedKey(key.hex) for key in keys if key.hex not in gone}
        return TrustStore({**given, **revoked})

    def signer(self, bundle: Bundle, remedy: str = _ADD) -> str:
        """The name of a trusted key that signed it. `remedy` is what helps where nobody knows its keys.

        Raises `Untrusted` where none did, where a signature does not hold, and where a bundle of a later
        epoch of this model has run here.
        """
        where = str(bundle.path)
        if bundle.signatures is None:
            raise Untrusted(
                "the bundle is not signed",
                where=where,
                remedy="whoever made it signs it: edgemed sign BUNDLE --key KEY.pem",
            )
        keys = bundle.signatures.verify(bundle.manifest_bytes, where)
        names = {each.key: name for name, each in self.keys.items()}
        found = [names.get(key.hex) for key in keys]
        model, epoch = bundle.manifest.name, bundle.manifest.epoch
        against = {name: self.keys[name].against(model) for name in found if name is not None}
        trusted = [name for name, why in against.items() if not why]
        if not trusted:
            problem = " and ".join(f"its key {name!r} {why}" for name, why in against.items())
            nobody = f"nobody here trusts its key {', '.join(key.fingerprint for key in keys)}"
            another = (
                "ask for one with another signature; edgemed-device trust add lets a key sign more models"
            )
            raise Untrusted(problem or nobody, where=where, remedy=another if against else remedy)
        if epoch < self.epochs.get(model, 0):
            raise Untrusted(
                f"epoch {epoch} of {model!r}; epoch {self.epochs[model]} has run here, and nothing older may",
                where=where,
                remedy="install a bundle of that epoch or a later one",
            )
        return trusted[0]

    def after(self, bundle: Bundle) -> TrustStore:
        """Once the bundle has run: none of an earlier epoch will. The same where none is earlier."""
        model, epoch = bundle.manifest.name, bundle.manifest.epoch
        if epoch <= self.epochs.get(model, 0):
            return self
        return replace(self, epochs={**self.epochs, model: epoch})


def _check_writers(path: Path, found: os.stat_result) -> None:
    """Whoever can write a trust store decides what runs here. Raises `Untrusted`."""
    if why := foreign_writers(found):
        user = os.geteuid()
        mend = f"chmod go-w {path}" if found.st_uid in (0, user) else f"chown {user} {path}"
        raise Untrusted(
            f"somebody else may have put a key into the trust store: {why}",
            where=str(path),
            remedy=f"look whose keys it holds, then {mend}",
        )


def trust_path() -> Path:
    """`$EDGEMED_TRUST`, else /etc/edgemed/trust.json where it is there, else the user's own."""
    if given := os.environ.get(TRUST_VARIABLE):
        return Path(given)
    if _SYSTEM.exists():
        return _SYSTEM
    try:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    except RuntimeError:
        raise BadInput(
            "there is no home folder for a trust store", where="$HOME", remedy=f"set {TRUST_VARIABLE}=FILE"
        ) from None
    return Path(base) / "edgemed" / "trust.json"
