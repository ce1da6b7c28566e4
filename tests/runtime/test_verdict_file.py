"""A verdict is bound to the artefact that it was given for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import artefacts
import graphs
import pytest

from edgemed.errors import Untrusted
from edgemed.runtime import MANIFEST_FILE, read_manifest, read_verdict, verify_files
from edgemed.types import InputSpec, Manifest, OutputSpec, Verdict, digest_of_file
from edgemed.types.manifest import VERDICT_FILE


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """An artefact with a verdict of its own."""
    writer = graphs.Writer(1)
    writer.sigmoid(writer.gemm("signal", 8, 1), "score")
    net = writer.write(
        tmp_path, "net", (InputSpec("signal", "float32", (8,)),), (OutputSpec("score", "binary", 1),)
    )
    folder = tmp_path / "artefact"
    artefacts.make_artefact(net, "onnxruntime", "fp32", net.path, folder)
    _ship(folder, read_manifest(folder).judged)
    return folder


def _ship(folder: Path, digest: str) -> None:
    verdict = Verdict("proven", 0.025, 400, None, (), id="onnxruntime-fp32", artefact=digest)
    (folder / VERDICT_FILE).write_text(verdict.to_json())
    manifest = read_manifest(folder)
    files = {**manifest.files, VERDICT_FILE: digest_of_file(folder / VERDICT_FILE)}
    (folder / MANIFEST_FILE).write_text(replace(manifest, files=files).to_json())


def test_a_verdict_that_ships_does_not_change_what_it_is_bound_to(judged: Path):
    manifest = read_manifest(judged)
    verify_files(judged, manifest)
    verdict = read_verdict(judged, manifest)
    assert verdict is not None
    assert verdict.artefact == manifest.judged


def test_an_artefact_without_one_has_none(judged: Path):
    manifest = read_manifest(judged)
    files = {name: sha for name, sha in manifest.files.items() if name != VERDICT_FILE}
    assert read_verdict(judged, replace(manifest, files=files)) is None


def test_the_verdict_of_another_artefact_is_not_trusted(judged: Path):
    _ship(judged, "0" * 64)
    with pytest.raises(Untrusted, match="the verdict of another artefact"):
        verify_files(judged, read_manifest(judged))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: replace(m, outputs=(replace(m.outputs[0], threshold=0.4),)),
        lambda m: replace(m, files={**m.files, "model.onnx": "0" * 64}),
        lambda m: replace(m, threads=2),
        lambda m: replace(m, stand_in="onnxruntime"),
    ],
    ids=["threshold", "file", "threads", "stand-in"],
)
def test_what_changes_the_answers_or_their_meaning_ends_it(judged: Path, change):
    manifest = read_manifest(judged)
    changed: Manifest = change(manifest)
    with pytest.raises(Untrusted, match="the verdict of another artefact"):
        read_verdict(judged, changed)


def test_a_verdict_of_a_later_edgemed_is_no_concern_of_a_device(judged: Path):
    told = json.loads((judged / VERDICT_FILE).read_text()) | {"of_a_later_version": 1}
    (judged / VERDICT_FILE).write_text(json.dumps(told))
    manifest = read_manifest(judged)
    files = {**manifest.files, VERDICT_FILE: digest_of_file(judged / VERDICT_FILE)}
    (judged / MANIFEST_FILE).write_text(replace(manifest, files=files).to_json())
    verify_files(judged, read_manifest(judged))
    with pytest.raises(Untrusted, match="cannot be read"):
        read_verdict(judged, read_manifest(judged))
