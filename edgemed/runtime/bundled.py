"""A bundle on this machine: trusted, unpacked once, and the artefact of it that is executed here."""

from __future__ import annotations

import os
from pathlib import Path

from edgemed.backends import get_backend
from edgemed.bundle.manifest import MANIFEST, BundledArtefact
from edgemed.bundle.reader import Bundle
from edgemed.bundle.trust import TrustStore, trust_path
from edgemed.disk import disk_failure
from edgemed.errors import BadInput, Unavailable, Untrusted
from edgemed.runtime.artefact import ARTEFACTS, read_manifest, verify_files
from edgemed.runtime.fastest import fastest_here
from edgemed.types import digest_of_file

VARIABLE = "EDGEMED_BUNDLE_CACHE"


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
            "%s (sha256 %s) runs without trust: %s", path, bundle.digest, error.problem
        )
        return bundle, ""


def unpack_here(bundle: Bundle) -> Path:
    """The folder, as a compile's output, of the artefacts whose runtime is installed here.

    It is `$EDGEMED_BUNDLE_CACHE`, else `~/.cache/edgemed/bundles`, by the bundle's digest; `tuned.json` of a
    tune stays in it. What is there already is compared with the bundle, and unpacked again where it differs.
    Raises `Unavailable` where no runtime of its artefacts is installed, `ToolFailure` by the disk.
    """
    folder = _cache() / bundle.digest
    able = [name for name, each in bundle.manifest.artefacts.items() if _runs_here(each)]
    if not able:
        missing = sorted({each.backend for each in bundle.manifest.artefacts.values()})
        raise Unavailable(
            f"none of its runtimes is installed here: {', '.join(missing)}",
            where=str(bundle.path),
            remedy=get_backend(missing[0]).availability().remedy,
        )
    import shutil

    try:
        (folder / ARTEFACTS).mkdir(parents=True, exist_ok=True)
        for name in able:
            place = folder / ARTEFACTS / name
            if place.exists() and not _is_as_packed(bundle, name, place):
                shutil.rmtree(place)
            if not place.exists():
                bundle.extract(name, place)
    except OSError as error:
        raise disk_failure(error, folder, f"free space, or name another folder in {VARIABLE}") from None
    return folder


def chosen_here(bundle: Bundle, folder: Path) -> Path:
    """What a tune found to be the fastest of `folder`, else the first that was proven, fp32 before others."""
    tuned = fastest_here(folder)
    if tuned is not None:
        return tuned

    def order(name: str) -> tuple[bool, bool, str]:
        each = bundle.manifest.artefacts[name]
        return each.verdict != "proven", each.precision != "fp32", name

    present = [name for name in bundle.manifest.artefacts if (folder / ARTEFACTS / name).is_dir()]
    return folder / ARTEFACTS / min(present, key=order)


def record_epoch(bundle: Bundle) -> None:
    """Once it has answered its golden cases: nothing older runs from now on. Raises `ToolFailure`."""
    path = trust_path()
    store = TrustStore.read(path)
    if store.after(bundle) != store:
        TrustStore.edit(path, lambda current: current.after(bundle))


def _runs_here(artefact: BundledArtefact) -> bool:
    return not artefact.stand_in and get_backend(artefact.backend).is_installed()


def _is_as_packed(bundle: Bundle, name: str, place: Path) -> bool:
    """By the artefact's own manifest, which is the bundle's: it holds the digests of its files."""
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
