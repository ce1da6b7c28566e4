"""From the artefacts of a compile to a bundle."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgemed.bundle.manifest import (
    ARTEFACTS,
    LICENCES,
    MANIFEST,
    MODEL_CARD,
    SBOM,
    BundledArtefact,
    BundleManifest,
    Entry,
)
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.signature import signed
from edgemed.bundle.writer import Pieces, entry_of, pieces_of, write_bundle
from edgemed.errors import BadInput, ToolFailure, Untrusted
from edgemed.runtime import ARTEFACTS as SHELF
from edgemed.runtime import artefacts_below, is_artefact, read_manifest, read_verdict, verify_files
from edgemed.types import Manifest

_ALIKE = ("name", "version", "target", "inputs", "outputs", "preprocess", "golden_source", "data", "seed")


def artefacts_in(out: Path) -> dict[str, Manifest]:
    """What a compile kept in its output folder, by folder name, each checked file by file.

    Raises `BadInput` where there is none or two are not of one compile, and what `verify_files` raises.
    """
    folders = artefacts_below(out)
    if not folders or (out / MANIFEST).exists():
        raise BadInput(_why_none(out), where=str(out), remedy="give the output folder of edgemed compile")
    found = {}
    for folder in folders:
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
        found[folder.name] = manifest
    first, *others = found.values()
    for other in others:
        for name in _ALIKE:
            if getattr(other, name) != getattr(first, name):
                raise BadInput(
                    f"the artefacts are not of one compile: their {name} differ",
                    where=str(out / SHELF),
                    remedy="compile again into an empty folder",
                )
    _check_tools(out / SHELF, found)
    return found


def _why_none(out: Path) -> str:
    if (out / SHELF).is_dir() and (out / MANIFEST).exists():
        return "an unzipped bundle: packed again it would lose its epoch and its signatures"
    if not out.is_dir():
        return "a file; an output folder is packed" if out.exists() else "there is no such folder"
    if is_artefact(out):
        return "one artefact; an output folder is packed, with what belongs to it"
    return f"there is no artefact in {SHELF}/: nothing was kept, or this is no output folder of a compile"


def _check_tools(where: Path, manifests: dict[str, Manifest]) -> None:
    """A bundle tells one version of each. Raises `BadInput`."""
    versions: dict[str, str] = {}
    for manifest in manifests.values():
        for tool, version in manifest.tools.items():
            if versions.setdefault(tool, version) != version:
                raise BadInput(
                    f"the artefacts are not of one compile: {tool} is {versions[tool]} and {version}",
                    where=str(where),
                    remedy="compile again into an empty folder",
                )


def bundle_manifest(out: Path, manifests: dict[str, Manifest], epoch: int) -> BundleManifest:
    """Of the files as they are now. Raises `BadInput` where one is missing that a compile writes,
    `ToolFailure` where one cannot be read."""
    first = next(iter(manifests.values()))
    artefacts, entries = {}, {}
    for name, manifest in manifests.items():
        folder = out / SHELF / name
        verdict = read_verdict(folder, manifest)
        artefacts[name] = BundledArtefact(
            backend=manifest.backend,
            precision=manifest.precision,
            verdict="not judged" if verdict is None else verdict.outcome,
            judged=manifest.judged,
            stamps=manifest.stamps,
            stand_in=manifest.stand_in,
        )
        for file, sha256 in {**manifest.files, MANIFEST: None}.items():
            entry = _entry(folder / file)
            if sha256 not in (None, entry.sha256):
                raise Untrusted(f"{file} changed while it was packed", where=str(folder), remedy="pack again")
            entries[f"{ARTEFACTS}{name}/{file}"] = entry
    for name in (MODEL_CARD, SBOM, *_licences(out)):
        entries[name] = _entry(out / name)
    tools = {tool: version for each in manifests.values() for tool, version in each.tools.items()}
    return BundleManifest(
        name=first.name,
        version=first.version,
        epoch=epoch,
        target=first.target,
        inputs=first.inputs,
        outputs=first.outputs,
        preprocess=first.preprocess,
        artefacts=artefacts,
        golden_source=first.golden_source,
        tools=dict(sorted(tools.items())),
        data=first.data,
        seed=first.seed,
        entries=dict(sorted(entries.items())),
    )


def _licences(out: Path) -> list[str]:
    folder = out / LICENCES
    inside = folder.iterdir() if folder.is_dir() else ()
    return [f"{LICENCES}{path.name}" for path in inside if path.name[0] != "."]


def pack_as(path: Path, out: Path, manifest: BundleManifest, secret: SecretKey | None = None) -> None:
    """The bundle `path` of `manifest`, whose entries lie in `out`, signed where there is a key.

    Raises what `write_bundle` raises.
    """
    files: dict[str, Pieces] = {name: partial(pieces_of, out / name) for name in manifest.entries}
    signatures = None if secret is None else signed(manifest.to_json().encode(), secret)
    write_bundle(path, manifest, files, signatures)


def _entry(path: Path) -> Entry:
    try:
        return entry_of(path)
    except FileNotFoundError:
        raise BadInput(
            f"there is no {path.name}: the compile was cut short, or was one of an earlier edgemed",
            where=str(path.parent),
            remedy="run the compile again",
        ) from None
    except OSError as error:
        raise ToolFailure(f"cannot be read: {error.strerror}", where=str(path)) from None
