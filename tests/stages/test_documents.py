"""What ships beside artefacts: a model card, a bill of materials that the standard's schema takes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgemed.errors import BadInput
from edgemed.report.model_card import model_card
from edgemed.stages.documents import check_card
from edgemed.stages.sbom import sbom
from edgemed.types import CardSpec, Difference, InputSpec, Manifest, ModelSpec, OutputSpec, Recipe, Verdict

INT8 = Manifest(
    name="chest-xray",
    version="1.2.0",
    backend="onnxruntime",
    precision="int8",
    inputs=(InputSpec("image", "uint8", (28, 28), "HW"),),
    outputs=(OutputSpec("finding", "binary", 1, ("clear", "a|b")),),
    preprocess={"in_graph": {"image": [{"op": "scale", "by": 0.5}]}},
    files={"model.onnx": "1" * 64},
    threads=1,
    host={},
    tools={"onnxruntime": "1.0"},
    data={"accept": "2" * 64},
    seed=0,
)
DIFFERENCE = Difference(
    "finding", "sensitivity", 40, 0.95, 0.925, -0.025, -0.04, 0.01, 0.05, "proven", "paired", label=""
)
CARD = CardSpec(licence="CC-BY-4.0", contact="lab@example.org")
VERDICT = Verdict("proven", 0.025, 100, None, (DIFFERENCE,), executed_by="onnxruntime")


def test_a_card_tells_what_was_proven_and_what_nobody_stated():
    card = model_card(CardSpec(intended_use="Triage of *adults*."), {"onnxruntime-int8": (INT8, VERDICT)})
    assert card.startswith("# chest-xray 1.2.0\n")
    assert "## Intended use\n\nTriage of *adults*.\n" in card
    assert "## Training data\n\nNot stated.\n" in card
    assert "| `finding` | binary | clear, a\\|b | 0.5 |  |" in card
    assert "Proven not worse than the original on 100 acceptance cases (margins: sensitivity 0.05)." in card
    assert "A difference above 0 is in favour of the artefact" in card
    assert "| sensitivity | 40 | 0.950 | 0.925 | −0.0250 (−0.0400 to +0.0100) | 0.05 | proven |" in card
    assert "not a medical device" in card


def test_a_verdict_ships_without_subgroups_and_the_ledgers_count():
    site = replace(DIFFERENCE, subgroup="site=A")
    told = replace(VERDICT, differences=(DIFFERENCE, site), notes=("site A",), opening=3).as_shipped
    assert told == VERDICT


def test_a_card_says_what_was_not_judged_or_measured():
    manifest = replace(INT8, stamps=("not judged",), unmeasured="another CPU", stand_in="onnxruntime")
    card = model_card(CardSpec(), {"onnxruntime-int8": (manifest, None)})
    for said in ("Stamped: not judged", "Not measured on its target: another CPU", "It was not judged."):
        assert said in card
    assert "Not executed on its hardware" in card


def test_the_bill_of_materials_is_valid_and_complete():
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = sbom({"onnxruntime-int8": INT8}, CARD)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert sbom({"onnxruntime-int8": INT8}, CARD) == text
    told = json.loads(text)
    assert "timestamp" not in told["metadata"]
    assert told["metadata"]["authors"] == [{"name": "lab@example.org"}]
    assert told["metadata"]["tools"]["components"][0]["name"] == "edgemed"
    assert told["metadata"]["component"]["licenses"] == [{"expression": "CC-BY-4.0"}]
    components = {each["name"]: each for each in told["components"]}
    assert {"edgemed", "numpy", "pynacl", "cffi", "onnxruntime", "protobuf"} <= set(components)
    assert "openvino" not in components
    (file,) = components["onnxruntime-int8"]["components"]
    assert (file["name"], file["hashes"][0]["content"]) == ("model.onnx", "1" * 64)
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in told["dependencies"]}
    assert needs["model"] == {"edgemed", "onnxruntime"}
    assert {"numpy", "pynacl"} <= needs["edgemed"]


def test_the_bills_date_is_given_from_outside_or_none(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    told = json.loads(sbom({"onnxruntime-int8": INT8}, CARD))
    assert told["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"
    for none in ("", "today", "99999999999999", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", none)
        assert "timestamp" not in json.loads(sbom({"onnxruntime-int8": INT8}, CARD))["metadata"]


def test_a_runtime_of_the_system_is_listed_by_name():
    manifest = replace(INT8, backend="tensorrt", tools={"tensorrt": "10.3"})
    (found,) = [
        each
        for each in json.loads(sbom({"a": manifest}, CardSpec()))["components"]
        if each["name"] == "tensorrt"
    ]
    assert found["version"] == "10.3"
    assert "purl" not in found


@pytest.mark.parametrize(
    "licence", ["", "Apache-2.0", "MIT OR (CC0-1.0 AND GPL-3.0-or-later)", "LicenseRef-Hospital"]
)
def test_a_licence_is_an_spdx_expression(licence: str):
    check_card(Recipe(ModelSpec("m.onnx"), card=CardSpec(licence=licence)), Path())


@pytest.mark.parametrize("licence", ["mine", "MIT AND AND MIT", "(MIT", "Apache 2"])
def test_what_is_none_is_refused(licence: str):
    with pytest.raises(BadInput, match="is no SPDX licence expression"):
        check_card(Recipe(ModelSpec("m.onnx"), card=CardSpec(licence=licence)), Path())


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("none.txt",), "cannot be read"),
        (("bytes.txt",), "it is not UTF-8 text"),
        (("large.txt",), "at most"),
        (("a.txt", "sub/a.txt"), "there twice"),
        (("name with spaces.txt",), "cannot be a name in the bundle"),
    ],
)
def test_texts_that_cannot_ship_are_refused(tmp_path: Path, names: tuple[str, ...], says: str):
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "sub/a.txt", "name with spaces.txt"):
        (tmp_path / name).write_text("text")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\0")
    (tmp_path / "large.txt").write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(BadInput, match=says):
        check_card(Recipe(ModelSpec("m.onnx"), card=CardSpec(licence_files=names)), tmp_path)
