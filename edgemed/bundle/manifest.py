"""BundleManifest: `manifest.json` of a bundle, which every other byte of it hangs from."""

from __future__ import annotations

from typing import Any, Literal

from edgemed.bundle.entry_name import check_names, is_plain
from edgemed.errors import BadInput
from edgemed.types import InputSpec, OutputSpec, Record

BUNDLE_VERSION = 1
"""Of the format. A reader reads every version from 1 to its own: see `FORMAT.md`."""
MANIFEST = "manifest.json"
SIGNATURES = "signatures.json"
ARTEFACTS = "artefacts/"
MODEL_CARD = "model_card.md"
SBOM = "sbom.cdx.json"
LICENCES = "licences/"
"""Of the model, where its recipe gives texts."""
MOST_ENTRIES = 1000
MOST_BYTES = 2**31
"""Of a whole bundle."""
MOST_MANIFEST_BYTES = 2**20
_HEX = set("0123456789abcdef")


class Entry(Record):
    """`size` in bytes."""

    size: int
    sha256: str

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MOST_BYTES:
            raise BadInput(f"{self.size} bytes, expected 0 to {MOST_BYTES}", where="size")
        if len(self.sha256) != 64 or not set(self.sha256) <= _HEX:
            raise BadInput("no sha256 in hex", where="sha256")


class BundledArtefact(Record):
    """What a device chooses by, before it unpacks anything.

    `verdict` is `not judged` where there was none; `judged` the digest that it was given for.
    """

    backend: str
    precision: str
    verdict: Literal["proven", "refuted", "not provable", "not judged"]
    judged: str
    stamps: tuple[str, ...]
    stand_in: str = ""


class BundleManifest(Record):
    """`artefacts` by the name of their folder below `artefacts/`; `entries` are all but this and the
    signatures, by name, in order. A bundle with a lower `epoch` than one that a device has run is refused.

    Nothing of it depends on the time, the machine's speed or how often data were opened.
    """

    name: str
    version: str
    epoch: int
    target: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    preprocess: dict[str, Any]
    artefacts: dict[str, BundledArtefact]
    golden_source: Literal["synthetic", "real"]
    tools: dict[str, str]
    data: dict[str, str]
    seed: int
    entries: dict[str, Entry]
    format: Literal["edgemed bundle"] = "edgemed bundle"
    format_version: int = BUNDLE_VERSION

    def __post_init__(self) -> None:
        for name in ("name", "version"):
            if not is_plain(getattr(self, name)):
                raise BadInput(
                    f"{getattr(self, name)[:40]!r} is not letters, digits and _ . + - from a letter on",
                    where=name,
                    remedy=f"change {name} in the recipe, and compile again",
                )
        for role, specs in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not specs or len({spec.name for spec in specs}) < len(specs):
                raise BadInput(f"{role} are none, or two of one name", where=role)
        if not 0 <= self.epoch < 2**31:
            raise BadInput(f"{self.epoch} is not from 0 to {2**31 - 1}", where="epoch")
        if not self.artefacts:
            raise BadInput("there is no artefact", where="artefacts")
        names = list(self.entries)
        if names != sorted(names):
            raise BadInput("they are not in order", where="entries")
        if len(names) > MOST_ENTRIES:
            raise BadInput(f"{len(names)} of them, at most {MOST_ENTRIES} are read", where="entries")
        check_names((*names, MANIFEST, SIGNATURES))
        if sum(each.size for each in self.entries.values()) > MOST_BYTES:
            raise BadInput(f"more than {MOST_BYTES} bytes", where="entries")
        shelves = tuple(f"{ARTEFACTS}{artefact}/" for artefact in self.artefacts)
        for name in names:
            if name not in (MODEL_CARD, SBOM) and not name.startswith((*shelves, LICENCES)):
                raise BadInput(f"{name!r} is of no artefact and no document", where="entries")
        for name in (MODEL_CARD, SBOM, *(shelf + MANIFEST for shelf in shelves)):
            if name not in self.entries:
                raise BadInput(f"{name} is missing", where="entries")

    def files_of(self, artefact: str) -> dict[str, Entry]:
        """Entries of one artefact's folder, by their names in it."""
        start = f"{ARTEFACTS}{artefact}/"
        return {
            name.removeprefix(start): entry for name, entry in self.entries.items() if name.startswith(start)
        }
