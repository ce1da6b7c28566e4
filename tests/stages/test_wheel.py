"""The wheel of a model: its names, what it asks for, and that it is the form that pip and others expect."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from edgemed import __version__
from edgemed.bundle.reader import Bundle
from edgemed.errors import BadInput
from edgemed.stages.wheel import EXTRAS, module_name, project_name, requirements, runtimes_of, write_wheel

GOLDEN = Path(__file__).parents[1] / "bundle" / "golden" / "v1.edgemed"
TOOLS = {"onnxruntime": "1.99.0", "openvino": "2099.1", "tensorrt": "10.3"}


def bundle_of(*backends: str) -> Bundle:
    """One whose artefacts are for these."""
    found = Bundle.open(GOLDEN)
    like = found.manifest.artefacts["onnxruntime-int8"]
    artefacts = {
        name: replace(like, backend=backend)
        for name, backend in zip(found.manifest.artefacts, backends, strict=True)
    }
    manifest = replace(found.manifest, artefacts=artefacts, tools=TOOLS)
    return Bundle(found.path, manifest, found.manifest_bytes, found.signatures)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return write_wheel(bundle_of("onnxruntime", "openvino"), tmp_path_factory.mktemp("wheel"), list(TOOLS))


@pytest.mark.parametrize(
    ("name", "module", "project"),
    [
        ("chest-xray", "chest_xray", "chest-xray"),
        ("Chest.XRay+2", "chest_xray_2", "chest-xray-2"),
        ("a__b-", "a_b", "a-b"),
    ],
)
def test_a_model_is_named_as_python_and_pip_name_things(name, module, project):
    from packaging.utils import canonicalize_name

    assert (module_name(name), project_name(name)) == (module, project)
    assert canonicalize_name(project) == project


@pytest.mark.parametrize("name", ["signal", "numpy", "edgemed", "class", "3d-net", "Json"])
def test_no_model_takes_the_name_of_another_module(name):
    with pytest.raises(BadInput, match="makes no module"):
        module_name(name)


def test_a_jetson_s_own_tensorrt_is_never_asked_for():
    manifest = bundle_of("tensorrt", "onnxruntime").manifest
    assert runtimes_of(manifest) == ["onnxruntime", "tensorrt"]
    assert requirements(manifest, runtimes_of(manifest)) == [
        f"edgemed=={__version__}",
        'onnxruntime==1.23.2; python_version < "3.11"',
        'onnxruntime==1.99.0; python_version >= "3.11"',
    ]


def test_one_runtime_may_be_named():
    manifest = bundle_of("onnxruntime", "openvino").manifest
    assert runtimes_of(manifest, ["openvino"]) == ["openvino"]
    assert requirements(manifest, ["openvino"]) == [f"edgemed=={__version__}", "openvino==2099.1"]
    with pytest.raises(BadInput, match="no artefact is for 'tvm'"):
        runtimes_of(manifest, ["tvm"])


def test_metadata_are_valid_and_say_what_is_needed(wheel):
    from packaging.metadata import Metadata
    from packaging.utils import parse_wheel_filename

    with zipfile.ZipFile(wheel) as archive:
        found = Metadata.from_email(archive.read("chest_xray-1.2.0.dist-info/METADATA"), validate=True)
    name, version, _, tags = parse_wheel_filename(wheel.name)
    assert (found.name, found.version) == (name, version)
    assert [str(tag) for tag in tags] == ["py3-none-any"]
    assert str(found.requires_python) == ">=3.10"
    assert found.provides_extra == list(EXTRAS)
    asked = {str(each.name): str(each.specifier) for each in found.requires_dist or () if not each.marker}
    assert asked == {"edgemed": f"=={__version__}", "openvino": "==2099.1"}


def test_every_file_is_in_record_and_nothing_else_is_there(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = "chest_xray-1.2.0.dist-info/RECORD"
        rows = {row[0]: row[1:] for row in csv.reader(archive.read(record).decode().splitlines())}
        for name in names[:-1]:
            content = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert rows[name] == [f"sha256={digest}", str(len(content))]
            assert archive.getinfo(name).external_attr >> 16 == 0o644
        assert archive.read("chest_xray/model.edgemed") == GOLDEN.read_bytes()
        written = archive.read("chest_xray-1.2.0.dist-info/WHEEL").decode()
    assert names[-1] == record
    assert rows.pop(record) == ["", ""]
    assert len(names) == len(set(names)) == len(rows) + 1
    assert {name.partition("/")[0] for name in names} == {"chest_xray", "chest_xray-1.2.0.dist-info"}
    assert "chest_xray/py.typed" in names
    assert re.findall(r"^(Root-Is-Purelib|Tag): (.*)$", written, re.MULTILINE) == [
        ("Root-Is-Purelib", "true"), ("Tag", "py3-none-any"),
    ]  # fmt: skip


def test_the_same_bundle_gives_the_same_bytes(wheel, tmp_path):
    again = write_wheel(bundle_of("onnxruntime", "openvino"), tmp_path, list(TOOLS))
    assert again.read_bytes() == wheel.read_bytes()


def test_a_bad_version_is_refused_before_anything_is_written(tmp_path):
    found = bundle_of("onnxruntime", "openvino")
    found.manifest = replace(found.manifest, version="next")
    with pytest.raises(BadInput, match="no version of a wheel"):
        write_wheel(found, tmp_path, ["onnxruntime"])
    assert list(tmp_path.iterdir()) == []
