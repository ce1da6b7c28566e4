"""A bundle on this machine: trusted, unpacked once, and the artefact of it that is executed here."""

from __future__ import annotations

import os
from pathlib import Path

from edgemed.bundle.manifest import MANIFEST, BundledArtefact, BundleManifest
from edgemed.bundle.reader import Bundle
from edgemed.bundle.trust import TrustStore, trust_path
from edgemed.disk import alone, disk_failure, foreign_writers
from edgemed.errors import BadInput, DiskFull, EdgemedError, ToolFailure, Unavailable, Untrusted
from edgemed.runtime.artefact import ARTEFACTS, read_manifest, verify_files
from edgemed.runtime.fastest import TUNED_FILE, fastest_here
from edgemed.runtime.here import backend_here
from edgemed.runtime.host import free_memory
from edgemed.types import digest_of_file

VARIABLE = "EDGEMED_BUNDLE_CACHE"
_OURS = 0o755


def trusted_bundle(path: Path, *, unsigned: bool) -> tuple[Bundle, str]:
    """Read whole, and by whom of those that this machine trusts it is signed.

    With `unsigned` one that nobody trusted signed is taken too, the name is "", and a line in the log says
    so. Raises what `Bundle.open` and `TrustStore.signer` raise.
    """
    bundle = Bundle.open(path)
    try:
        return bundle, TrustStore.read(trust_path()).signer(bundle)
    except Untrusted as error:
        if not unsigned:
            raise
        import logging

        logging.getLogger("edgemed").warning(
            "%s (sha256 of its manifest %s) runs without trust: %s", path, bundle.digest, error.problem
        )
        return bundle, ""


def reasons_against(manifest: BundleManifest) -> dict[str, EdgemedError | None]:
    """By artefact, what keeps this machine from executing it, as far as its bundle tells; None where nothing
    does."""
    free = free_memory()
    return {
        name: _why_not(each, sum(entry.size for entry in manifest.files_of(name).values()), free)
        for name, each in manifest.artefacts.items()
    }


def _why_not(artefact: BundledArtefact, size: int, free: int | None) -> EdgemedError | None:
    if free is not None and size > free:
        return Unavailable(
            f"its files have {size / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB of memory are free",
            remedy="end other programs, or compile a smaller artefact: int8, or --prune",
        )
    try:
        backend_here(artefact.backend, artefact.precision)
    except (BadInput, Unavailable) as error:
        return error
    return None


def unpack_here(bundle: Bundle) -> Path:
    """The folder, as a compile's output, of the artefacts that this machine can execute.

    It is `$EDGEMED_BUNDLE_CACHE`, else `~/.cache/edgemed/bundles`, by the bundle's digest; `tuned.json` of a
    tune stays in it. What is there already is compared with the bundle, and unpacked again where it differs.
    Raises `Unavailable` where it can execute none of them, `Untrusted` where others may write into that
    folder, `ToolFailure` by the disk.
    """
    root = _cache().resolve()
    folder = root / bundle.digest
    reasons = reasons_against(bundle.manifest)
    able = [name for name, why in reasons.items() if why is None]
    if not able:
        told = {name: why for name, why in reasons.items() if why is not None}
        raise Unavailable(
            "this machine can run none of its artefacts: "
            + "; ".join(f"{name}: {why.problem}" for name, why in told.items()),
            where=str(bundle.path),
            remedy=" | ".join(dict.fromkeys(why.remedy for why in told.values())),
        )
    try:
        root.mkdir(parents=True, exist_ok=True, mode=_OURS)
        for each in (root, folder, folder / ARTEFACTS):
            each.mkdir(exist_ok=True, mode=_OURS)
            _check_writers(each)
        places = {name: folder / ARTEFACTS / name for name in able}
        if not all(_is_as_packed(bundle, name, place) for name, place in places.items()):
            with alone(folder):
                _sweep(folder / ARTEFACTS)
                for name, place in places.items():
                    _unpack(bundle, name, place)
    except OSError as error:
        raise disk_failure(error, folder, f"free space, or name another folder in {VARIABLE}") from None
    return folder


def chosen_here(bundle: Bundle, folder: Path) -> Path:
    """What a tune found to be the fastest of `folder`, else the first that was executed where it was judged,
    of those the first that was proven, fp32 before others.

    Raises what `fastest_here` raises, and `BadInput` where `tuned.json` names what is not the bundle's.
    """
    able = [name for name, why in reasons_against(bundle.manifest).items() if why is None]
    tuned = fastest_here(folder)
    if tuned is not None:
        if tuned not in [folder / ARTEFACTS / name for name in able]:
            raise BadInput(
                f"{tuned.name} is no artefact of the bundle that this machine can run",
                where=str(folder / TUNED_FILE),
                remedy=f"edgemed-device tune {bundle.path}",
            )
        return tuned

    def order(name: str) -> tuple[bool, bool, bool, str]:
        each = bundle.manifest.artefacts[name]
        return bool(each.stand_in), each.verdict != "proven", each.precision != "fp32", name

    return folder / ARTEFACTS / min(able, key=order)


def record_epoch(bundle: Bundle) -> None:
    """Once it has answered its golden cases: nothing older runs from now on. Raises `ToolFailure`."""
    path = trust_path()
    store = TrustStore.read(path)
    if store.after(bundle) is store:
        return
    try:
        TrustStore.edit(path, lambda current: current.after(bundle))
    except DiskFull:
        raise
    except ToolFailure as error:
        raise _unrecorded(bundle, error.problem, error.where) from None


def why_not_recorded(bundle: Bundle) -> ToolFailure | None:
    """What `record_epoch` would raise, as far as it is known before; None where that is nothing."""
    path = trust_path()
    store = TrustStore.read(path)
    if store.after(bundle) is store or os.access(path.parent, os.W_OK):
        return None
    return _unrecorded(bundle, "cannot write", str(path))


def _unrecorded(bundle: Bundle, why: str, where: str) -> ToolFailure:
    import shlex

    command = shlex.join(["edgemed-device", "trust", "epoch", str(bundle.path)])
    return ToolFailure(
        f"its epoch, {bundle.manifest.epoch}, cannot be recorded: {why}",
        where=where,
        remedy=f"once, as the user who owns the trust store: {command}",
    )


def _check_writers(folder: Path) -> None:
    """What is unpacked is loaded by its path, once it was compared. Raises `Untrusted`."""
    if why := foreign_writers(folder.lstat()):
        raise Untrusted(
            f"others may change what is unpacked here: {why}",
            where=str(folder),
            remedy=f"chmod go-w {folder}, or name a new folder in {VARIABLE}",
        )


def _sweep(shelf: Path) -> None:
    """What a power cut left half unpacked, while nobody else unpacks there."""
    import shutil

    for left in shelf.glob(".*"):
        shutil.rmtree(left, ignore_errors=True)


def _unpack(bundle: Bundle, name: str, place: Path) -> None:
    """Unless another process, which unpacked it at the same time, was first.

    Raises `Untrusted` where its files, though the bundle's, are not those of the artefact's own manifest.
    """
    if _is_as_packed(bundle, name, place):
        return
    if place.exists():
        import shutil

        shutil.rmtree(place)
    bundle.extract(name, place)
    verify_files(place, read_manifest(place))


def _is_as_packed(bundle: Bundle, name: str, place: Path) -> bool:
    """By the artefact's own manifest, which is the bundle's: it holds the digests of its files."""
    if not os.path.lexists(place):
        return False
    _check_writers(place)
    try:
        same = digest_of_file(place / MANIFEST) == bundle.manifest.files_of(name)[MANIFEST].sha256
        if same:
            verify_files(place, read_manifest(place))
    except (OSError, BadInput, Untrusted):
        return False
    return same


def _cache() -> Path:
    if given := os.environ.get(VARIABLE):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edgemed" / "bundles"
