"""A bundle is loaded as an artefact is: trusted, unpacked once, and only then ready."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgemed.bundle.reader import Bundle
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.trust import TrustStore
from edgemed.errors import BadInput, ToolFailure, Unavailable, Untrusted
from edgemed.runtime import Session
from edgemed.stages.packing import artefacts_in, bundle_manifest, pack_as

LAB = SecretKey(b"l" * 32)


@pytest.fixture
def packed(artefact, tmp_path, monkeypatch):
    """`packed(epoch, key)`: (net, bundle) of one artefact, on a machine that trusts `LAB`."""
    monkeypatch.setenv("EDGEMED_TRUST", str(tmp_path / "trust.json"))
    monkeypatch.setenv("EDGEMED_BUNDLE_CACHE", str(tmp_path / "cache"))
    TrustStore.edit(tmp_path / "trust.json", lambda store: store.with_key("lab", LAB.public))
    net, folder = artefact("fusion", "onnxruntime")
    shutil.copytree(folder, tmp_path / "out/artefacts/onnxruntime-fp32")
    (tmp_path / "out/model_card.md").write_text("# fusion\n")
    (tmp_path / "out/sbom.cdx.json").write_text("{}\n")

    def make(epoch: int = 1, key: SecretKey | None = LAB) -> tuple[object, Path]:
        path = tmp_path / f"{epoch}.edgemed"
        out = tmp_path / "out"
        pack_as(path, out, bundle_manifest(out, artefacts_in(out), epoch), key)
        return net, path

    return make


def test_a_bundle_answers_as_its_artefact(packed, tmp_path):
    net, path = packed()
    batch = net.batch(2)
    plain = Session.load(tmp_path / "out/artefacts/onnxruntime-fp32").run(batch)
    for _ in range(2):  # unpacked, and found unpacked
        for name, answer in Session.load(path).run(batch).items():
            assert np.array_equal(answer, plain[name])
    assert TrustStore.read(tmp_path / "trust.json").epochs == {"fusion": 1}


def test_nobody_trusted_signed_it(packed, tmp_path, caplog):
    net, path = packed(key=SecretKey(b"x" * 32))
    with pytest.raises(Untrusted, match="nobody here trusts"):
        Session.load(path)
    assert not (tmp_path / "cache").exists()
    with caplog.at_level(logging.WARNING, "edgemed"):
        session = Session.load(path, unsigned=True)
    assert "runs without trust" in caplog.text
    assert session.run(net.batch(1))
    assert TrustStore.read(tmp_path / "trust.json").epochs == {}


def test_a_store_that_cannot_be_written_takes_what_it_knows_of(packed, tmp_path):
    """As of a process that is not root, where root owns the store. A folder stands where its lock would."""
    first, second = (packed(epoch)[1] for epoch in (0, 1))
    (tmp_path / ".trust.json.lock").mkdir()
    Session.load(first)
    with pytest.raises(ToolFailure, match="its epoch, 1, cannot be recorded") as caught:
        Session.load(second)
    assert "edgemed-device trust epoch" in caught.value.remedy
    (tmp_path / ".trust.json.lock").rmdir()
    TrustStore.edit(tmp_path / "trust.json", lambda store: store.after(Bundle.open(second)))
    (tmp_path / ".trust.json.lock").mkdir()
    Session.load(second)


def test_nothing_older_than_what_ran_is_loaded(packed):
    old, new = (packed(epoch)[1] for epoch in (1, 2))
    Session.load(old)
    Session.load(new)
    with pytest.raises(Untrusted, match="epoch 2 has run here"):
        Session.load(old)
    Session.load(new)


def test_what_was_changed_where_it_was_unpacked_is_unpacked_again(packed, tmp_path):
    net, path = packed()
    right = Session.load(path).run(net.batch(1))
    (model,) = (tmp_path / "cache").rglob("model.onnx")
    for broken in (b"", model.read_bytes()[:-1]):
        model.write_bytes(broken)
        for name, answer in Session.load(path).run(net.batch(1)).items():
            assert np.array_equal(answer, right[name])


def test_what_a_power_cut_left_half_unpacked_is_no_artefact(packed, tmp_path):
    from edgemed.device.artefacts import find_artefacts, unbundled

    _, path = packed()
    (folder,) = unbundled([path])
    shutil.copytree(folder / "artefacts/onnxruntime-fp32", folder / "artefacts/.onnxruntime-fp32.x1")
    assert find_artefacts([folder]) == (folder / "artefacts/onnxruntime-fp32",)


def test_a_changed_bundle_leaves_nothing_behind(packed, tmp_path):
    _, path = packed()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(Untrusted, match="not whole"):
        Session.load(path, unsigned=True)
    assert not (tmp_path / "cache").exists()


def test_a_bundle_whose_golden_cases_answer_otherwise_is_not_run(packed, artefact, tmp_path):
    """Of another machine, say: signed and whole, and still refused. Its epoch is not recorded."""
    import dataclasses

    from edgemed.runtime import read_manifest
    from edgemed.types import digest_of_file

    folder = tmp_path / "out/artefacts/onnxruntime-fp32"
    with np.load(folder / "golden.npz") as held:
        arrays = dict(held)
    np.savez(folder / "golden.npz", **{**arrays, "out.score": 1 - arrays["out.score"]})
    manifest = read_manifest(folder)
    files = {**manifest.files, "golden.npz": digest_of_file(folder / "golden.npz")}
    (folder / "manifest.json").write_text(dataclasses.replace(manifest, files=files).to_json())
    _, path = packed()
    with pytest.raises(Untrusted, match="golden cases differ"):
        Session.load(path)
    assert TrustStore.read(tmp_path / "trust.json").epochs == {}


def test_a_bundle_without_a_runtime_of_this_machine_is_told(packed, tmp_path, monkeypatch):
    from edgemed.backends.backend import Availability
    from edgemed.backends.onnxruntime import OnnxRuntime

    _, path = packed()
    missing = Availability("", ("onnxruntime",), "pip install onnxruntime")
    monkeypatch.setattr(OnnxRuntime, "is_installed", lambda self: False)
    monkeypatch.setattr(OnnxRuntime, "availability", lambda self: missing)
    with pytest.raises(
        Unavailable, match="none of its artefacts: onnxruntime-fp32: onnxruntime is not installed"
    ) as caught:
        Session.load(path)
    assert caught.value.remedy == "pip install onnxruntime"


@pytest.mark.parametrize("name", ["", "*", "*/artefacts", "*/artefacts/onnxruntime-fp32"])
def test_nothing_is_loaded_where_others_may_write(packed, tmp_path, name):
    """Between the comparison and the runtime they could put another model there."""
    _, path = packed()
    Session.load(path)
    (folder,) = (tmp_path / "cache").glob(name) if name else [tmp_path / "cache"]
    kept = folder.stat().st_mode & 0o777
    for mode in (0o775, 0o757):
        folder.chmod(mode)
        with pytest.raises(Untrusted, match="others may change what is unpacked here") as caught:
            Session.load(path)
        assert f"chmod go-w {folder}" in caught.value.remedy
    folder.chmod(kept)
    Session.load(path)
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    if name:
        with pytest.raises(Untrusted, match="it is a link"):
            Session.load(path)
    else:
        Session.load(path)


def test_whatever_the_umask_nobody_else_writes_where_it_is_unpacked(packed, tmp_path):
    _, path = packed()
    before = os.umask(0)
    try:
        for _ in range(2):
            Session.load(path)
    finally:
        os.umask(before)


def test_processes_that_unpack_it_at_once_all_get_it(packed):
    import threading

    from edgemed.bundle.reader import Bundle
    from edgemed.runtime.bundled import unpack_here

    _, path = packed()
    found, together = [], threading.Barrier(6)

    def unpack() -> None:
        bundle = Bundle.open(path)
        together.wait(10)
        found.append(unpack_here(bundle))

    threads = [threading.Thread(target=unpack) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 6
    (folder,) = set(found)
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]


def test_a_planted_tune_leads_to_no_artefact_but_the_bundles(packed, tmp_path):
    """tuned.json of a folder of one's own, copied into the cache, names what the bundle does not hold."""
    from edgemed.device.artefacts import unbundled
    from edgemed.device.tune import tune
    from edgemed.types.limits import Limits

    _, path = packed()
    (folder,) = unbundled([path])
    shutil.copytree(tmp_path / "out/artefacts/onnxruntime-fp32", tmp_path / "evil")
    for place in ("../../evil", "artefacts/another"):
        if not (folder / place).exists():
            shutil.copytree(tmp_path / "evil", folder / place)
        tuned = tune(
            {place: folder / place}, launches=1, seconds=0.05, limits=Limits(), tell=lambda line: None
        )
        (folder / "tuned.json").write_text(tuned.to_json())
        with pytest.raises(BadInput, match="is no artefact of the bundle") as caught:
            Session.load(path)
        assert caught.value.remedy == f"edgemed-device tune {path}"


def test_another_file_is_no_bundle(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    with pytest.raises(Untrusted, match="not whole"):
        Session.load(tmp_path / "model.onnx")
    with pytest.raises(BadInput):
        Session.load(tmp_path / "none")


def test_an_artefact_that_is_larger_than_the_free_memory_is_not_unpacked(packed, tmp_path, monkeypatch):
    _, path = packed()
    monkeypatch.setattr("edgemed.runtime.bundled.free_memory", lambda: 1000)
    with pytest.raises(Unavailable, match="0 MiB of memory are free"):
        Session.load(path)
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr("edgemed.runtime.bundled.free_memory", lambda: None)
    Session.load(path)


def test_what_a_power_cut_left_is_swept_by_the_next_that_unpacks(packed, tmp_path):
    _, path = packed()
    session = Session.load(path)
    left = session.folder.parent / ".onnxruntime-fp32.abcdef"
    left.mkdir()
    (left / "model.onnx").write_bytes(b"half")
    Session.load(path)
    assert left.exists(), "nothing was to be unpacked"
    shutil.rmtree(session.folder)
    Session.load(path)
    assert not left.exists()


def test_why_this_machine_cannot_run_the_one_artefact_is_said(packed, artefact, tmp_path, monkeypatch):
    from edgemed.device.artefacts import the_one_of

    shutil.copytree(artefact("fusion", "openvino")[1], tmp_path / "out/artefacts/openvino-fp32")
    _, path = packed()
    assert the_one_of(path, "openvino").name == "openvino-fp32"
    with pytest.raises(BadInput, match="no artefact for tensorrt is in it"):
        the_one_of(path, "tensorrt")
    sizes = {
        folder.name: sum(file.stat().st_size for file in folder.iterdir())
        for folder in (tmp_path / "out/artefacts").iterdir()
    }
    large = max(sizes, key=sizes.__getitem__)
    monkeypatch.setattr("edgemed.runtime.bundled.free_memory", lambda: sizes[large] - 1)
    with pytest.raises(Unavailable, match="of memory are free"):
        the_one_of(path, large.partition("-")[0])
