"""The software bill of materials of a bundle, in CycloneDX 1.6: the model, its artefacts' files, and what a
device needs to execute them, in the versions that were there when it was judged."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from importlib import metadata
from typing import TYPE_CHECKING

from edgemed import __version__
from edgemed.types import CardSpec, Manifest

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

_LONGEST_LICENCE = 100
"""Of a package's field `License`: a longer one is the text itself."""


def sbom(manifests: Mapping[str, Manifest], card: CardSpec) -> str:
    """JSON, by artefact id. The same artefacts and packages give the same text: its serial number is made of
    the artefacts' digests, and its date is that of `$SOURCE_DATE_EPOCH` (reproducible-builds.org), or none.
    """
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.contact import OrganizationalContact
    from cyclonedx.output.json import JsonV1Dot6

    first = next(iter(manifests.values()))
    model = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL, name=first.name, version=first.version, bom_ref="model",
        licenses=_expressions(card.licence),
    )  # fmt: skip
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, " ".join(each.judged for each in manifests.values()))
    )
    bom.metadata.timestamp = _date()  # type: ignore[assignment]
    bom.metadata.component = model
    bom.metadata.tools.components.add(Component(name="edgemed", version=__version__))
    if card.contact:
        bom.metadata.authors.add(OrganizationalContact(name=" ".join(card.contact.split())))
    for name, manifest in manifests.items():
        files = [
            Component(
                type=ComponentType.FILE, name=file, bom_ref=f"{name}/{file}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
            )
            for file, sha256 in manifest.files.items()
        ]  # fmt: skip
        bom.components.add(
            Component(
                type=ComponentType.MACHINE_LEARNING_MODEL, name=name, version=first.version, bom_ref=name,
                components=files,
            )
        )  # fmt: skip
    runtimes = {each.backend: each.tools.get(each.backend, "") for each in manifests.values()}
    packages: dict[str, Component] = {}
    direct = [_package(bom, name, version, packages) for name, version in runtimes.items()]
    direct.append(_package(bom, "edgemed", __version__, packages))
    bom.register_dependency(model, direct)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    return text + "\n"


def _package(bom: Bom, name: str, version: str, known: dict[str, Component]) -> Component:
    """Added to `bom` with all that it requires. One that is not installed, such as the system's TensorRT, is
    a name and a version."""
    from cyclonedx.model.component import Component
    from packageurl import PackageURL
    from packaging.requirements import Requirement

    plain = re.sub(r"[-_.]+", "-", name).lower()
    if plain in known:
        return known[plain]
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        component = Component(name=plain, version=version or None, bom_ref=plain)
        needs: list[str] = []
    else:
        component = Component(
            name=plain, version=found.version, bom_ref=plain, licenses=_licences_of(found.metadata),
            purl=PackageURL("pypi", name=plain, version=found.version),
        )  # fmt: skip
        needs = found.requires or []
    known[plain] = component
    bom.components.add(component)
    wanted = [
        each for each in map(Requirement, needs) if each.marker is None or each.marker.evaluate({"extra": ""})
    ]
    bom.register_dependency(component, [_package(bom, each.name, "", known) for each in wanted])
    return component


def _date() -> datetime | None:
    try:
        return datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "")), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _licences_of(found: metadata.PackageMetadata) -> Iterable[DisjunctiveLicense | LicenseExpression]:
    from cyclonedx.model.license import DisjunctiveLicense

    fields = found.json
    if expression := fields.get("license_expression"):
        return _expressions(str(expression))
    names = [
        each.rpartition(" :: ")[2] for each in fields.get("classifier", []) if each.startswith("License :: ")
    ]
    told = str(fields.get("license", ""))
    if not names and told and "\n" not in told and len(told) <= _LONGEST_LICENCE:
        names = [told]
    return [DisjunctiveLicense(name=name) for name in names]


def _expressions(text: str) -> list[LicenseExpression]:
    from cyclonedx.model.license import LicenseExpression

    return [LicenseExpression(text)] if text else []
