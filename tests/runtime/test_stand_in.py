"""An artefact whose hardware is not here: on a host its stand-in gives the answers that are judged."""

from __future__ import annotations

import shutil

import graphs
import numpy as np
import pytest
from artefacts import change_manifest, make_artefact, sign

from edgemed.backends import get_backend
from edgemed.errors import Unavailable, Untrusted
from edgemed.runtime import Session, read_manifest
from edgemed.types import EngineSpec

ORIN = EngineSpec("tensorrt", ("8.7",), ">=10.3,<11", 19)

pytestmark = pytest.mark.skipif(
    get_backend("tensorrt").cannot_run(ORIN) == "", reason="this is the hardware, nothing stands in"
)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """(net, folder) of an fp32 kit for a Jetson."""
    folder = tmp_path_factory.mktemp("kit")
    net = graphs.fusion(folder)
    return net, make_artefact(net, "tensorrt", "fp32", net.path, folder / "kit", ORIN)


@pytest.fixture
def copied(kit, tmp_path):
    return shutil.copytree(kit[1], tmp_path / "kit")


def test_it_answers_as_the_graph_does_and_the_manifest_names_it(kit, artefact):
    net, folder = kit
    batch = net.batch(4, seed=2)
    session = Session.load_to_judge(folder)
    assert session.manifest.stand_in == "onnxruntime, every node by itself"
    expected = Session.load(artefact("fusion")[1]).run(batch)
    assert np.abs(session.run(batch)["score"] - expected["score"]).max() < 1e-5


def test_a_device_never_gets_it(kit):
    with pytest.raises(Unavailable):
        Session.load(kit[1])


def test_an_artefact_that_was_executed_is_judged_by_itself(artefact, copied):
    net, folder = artefact("fusion")
    batch = net.batch(2)
    answers = [load(folder).run(batch)["score"] for load in (Session.load, Session.load_to_judge)]
    assert np.array_equal(*answers)
    change_manifest(copied, stand_in="")
    with pytest.raises(Unavailable):
        Session.load_to_judge(copied)


def test_its_files_are_compared_with_the_manifest(copied):
    (copied / "model.onnx").write_bytes(b"another")
    with pytest.raises(Untrusted, match=r"model\.onnx is not the file that was judged"):
        Session.load_to_judge(copied)


def test_its_golden_cases_are_replayed(copied):
    with np.load(copied / "golden.npz") as golden:
        arrays = dict(golden)
    arrays["out.score"] = 1 - arrays["out.score"]
    np.savez(copied / "golden.npz", **arrays)
    sign(copied)
    with pytest.raises(Untrusted, match="golden cases differ"):
        Session.load_to_judge(copied)


def test_its_names_are_those_of_the_manifest(copied):
    change_manifest(
        copied, outputs=[{**each, "name": "other"} for each in read_manifest(copied).to_dict()["outputs"]]
    )
    manifest = read_manifest(copied)
    with pytest.raises(Untrusted, match="the manifest says other"):
        Session.stand_in_unverified(copied, manifest)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_runtime_of_the_cpu_has_none(copied, backend):
    change_manifest(copied, backend=backend)
    with pytest.raises(Unavailable, match=f"{backend} has no stand-in"):
        Session.load_to_judge(copied)
