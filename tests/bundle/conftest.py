"""A small bundle of files that no runtime could load: the format does not look into them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from edgemed.bundle.manifest import BundledArtefact, BundleManifest, Entry
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.signature import Signatures, signed
from edgemed.bundle.writer import write_bundle
from edgemed.types import InputSpec, OutputSpec

FILES = {
    "artefacts/onnxruntime-int8/manifest.json": b"{}\n",
    "artefacts/onnxruntime-int8/model.onnx": bytes(range(64)),
    "artefacts/openvino-fp32/empty": b"",
    "artefacts/openvino-fp32/manifest.json": b"{}\n",
    "artefacts/openvino-fp32/model.bin": b"weights" * 6,
    "licences/LICENSE.txt": b"As is.\n",
    "model_card.md": b"# chest-xray 1.2.0\n",
    "sbom.cdx.json": b"{}\n",
}
LAB, OTHER = SecretKey(b"l" * 32), SecretKey(b"o" * 32)


@dataclass(frozen=True)
class Made:
    """`files` by entry name."""

    manifest: BundleManifest
    files: dict[str, bytes]

    def write(self, path: Path, *keys: SecretKey) -> Path:
        signatures: Signatures | None = None
        for key in keys:
            others = signatures.signatures if signatures else ()
            signatures = signed(self.manifest.to_json().encode(), key, others)
        write_bundle(
            path, self.manifest, {name: _once(held) for name, held in self.files.items()}, signatures
        )
        return path

    def changed(self, **fields: Any) -> Made:
        return replace(self, manifest=replace(self.manifest, **fields))


def _once(content: bytes) -> Callable[[], Any]:
    return lambda: iter([content] if content else [])


def made(files: dict[str, bytes] = FILES, **fields: Any) -> Made:
    held = {name: Entry(len(each), hashlib.sha256(each).hexdigest()) for name, each in sorted(files.items())}
    artefact = BundledArtefact("onnxruntime", "int8", "proven", "0" * 64, ())
    names = dict.fromkeys(name.split("/")[1] for name in held if name.startswith("artefacts/"))
    manifest = BundleManifest(
        name="chest-xray",
        version="1.2.0",
        epoch=3,
        target="host",
        inputs=(InputSpec("image", "uint8", (4, 4), "HW"),),
        outputs=(OutputSpec("finding", "binary", 1),),
        preprocess={},
        artefacts=dict.fromkeys(names, artefact),
        golden_source="synthetic",
        tools={"edgemed": "0.1.0"},
        data={},
        seed=0,
        entries=held,
    )
    return Made(replace(manifest, **fields), files)


@pytest.fixture
def bundle() -> Made:
    return made()


@pytest.fixture
def remade() -> Callable[..., Made]:
    return made


@pytest.fixture
def lab() -> SecretKey:
    return LAB


@pytest.fixture
def other() -> SecretKey:
    return OTHER
