"""Records: read strictly, written canonically, digested the same for ever."""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.types import (
    InputSpec,
    Manifest,
    OutputSpec,
    Record,
    Step,
    did_you_mean,
    digest_of,
    digest_of_file,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)


class Leaf(Record):
    share: float
    note: str | None = None


class Tree(Record):
    name: str
    count: int = 0
    open: bool = False
    kind: Literal["oak", "birch"] = "oak"
    sizes: tuple[float, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = field(default_factory=dict)
    crown: Leaf | None = None
    rest: dict[str, Any] = field(default_factory=dict)


LEAVES = st.builds(Leaf, FINITE, st.none() | st.text())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TREES = st.builds(
    Tree,
    name=st.text(),
    count=st.integers(),
    open=st.booleans(),
    kind=st.sampled_from(["oak", "birch"]),
    sizes=st.lists(FINITE, max_size=4).map(tuple),
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    by_name=st.dictionaries(st.text(), LEAVES, max_size=3),
    crown=st.none() | LEAVES,
    rest=st.dictionaries(st.text(), JSON, max_size=3),
)


@given(TREES)
def test_a_record_comes_back_from_json(tree: Tree):
    again = Tree.from_json(tree.to_json())
    assert again == tree
    assert again.digest == tree.digest
    assert Tree.from_dict(tree.to_dict()) == tree


@given(TREES, TREES)
def test_digests_are_equal_where_the_json_is(one: Tree, other: Tree):
    texts = [json.dumps(tree.to_dict(), sort_keys=True) for tree in (one, other)]
    assert (one.digest == other.digest) == (texts[0] == texts[1])


def test_digests_are_those_of_the_first_release():
    """Caches and manifests hold digests: a changed number here is a changed format."""
    tree = Tree("eiche Ä", 3, True, "birch", (1.0, 0.1), (Leaf(0.5),), {"b": Leaf(1e-9, "n"), "a": Leaf(2.0)})
    assert tree.digest == "ec8105d6c7358f4ade51bdec2d0d8845f77a9f4d5376b53925d9b096bba2dd0f"
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert (
        digest_of({"b": [1, 2.0], "a": None})
        == "05d3e48ab7087840e047f6f1c72185faa95df27586db6cca1d20f34439c6d0b4"
    )


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any]):
    assert digest_of(value) == digest_of(dict(reversed(value.items())))


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, "1"), (None, ""), ([], {}), (0, False)])
def test_values_of_other_types_have_other_digests(one: object, other: object):
    assert digest_of({"key": one}) != digest_of({"key": other})


def test_the_digest_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 1_000_000)
    assert digest_of_file(tmp_path / "file") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


@pytest.mark.parametrize(
    ("data", "message", "where"),
    [
        ({}, "missing key 'name'", "Tree"),
        ({"name": 3}, "expected str, found 3", "Tree.name"),
        ({"name": None}, "expected str, found None", "Tree.name"),
        ({"name": "x", "count": 1.0}, "expected int, found 1.0", "Tree.count"),
        ({"name": "x", "count": True}, "expected int, found True", "Tree.count"),
        ({"name": "x", "count": "1"}, "expected int, found '1'", "Tree.count"),
        ({"name": "x", "open": 1}, "expected bool, found 1", "Tree.open"),
        ({"name": "x", "sizes": 1.0}, "expected a list", "Tree.sizes"),
        ({"name": "x", "sizes": "ab"}, "expected a list", "Tree.sizes"),
        ({"name": "x", "sizes": [1, True]}, "expected float, found True", "Tree.sizes[1]"),
        ({"name": "x", "sizes": [float("nan")]}, "expected a finite number", "Tree.sizes[0]"),
        ({"name": "x", "sizes": [float("-inf")]}, "expected a finite number", "Tree.sizes[0]"),
        ({"name": "x", "sizes": [10**400]}, "expected float", "Tree.sizes[0]"),
        ({"name": "x", "leaves": [{"share": 1}, {}]}, "missing key 'share'", "Tree.leaves[1]"),
        ({"name": "x", "by_name": {"a": {"share": "1"}}}, "expected float", "Tree.by_name.a.share"),
        ({"name": "x", "by_name": []}, "expected a table", "Tree.by_name"),
        ({"name": "x", "crown": "leaf"}, "expected a table", "Tree.crown"),
        ([], "expected a table", "Tree"),
        (None, "expected a table", "Tree"),
    ],
)
def test_reading_is_strict_and_says_where(data: object, message: str, where: str):
    with pytest.raises(BadInput) as caught:
        Tree.from_dict(data)
    assert message in caught.value.problem
    assert caught.value.where == where


def test_whole_numbers_are_read_as_floats():
    leaf = Leaf.from_dict({"share": 2})
    assert isinstance(leaf.share, float)
    assert leaf.digest == Leaf(2.0).digest


def test_values_that_are_not_finite_are_written_as_none():
    assert json.loads(Leaf(float("nan")).to_json())["share"] is None
    assert Tree("x", rest={"a": [float("inf"), 1.0]}).to_dict()["rest"] == {"a": [None, 1.0]}
    assert Leaf(float("inf")).digest == Leaf(float("nan")).digest


@pytest.mark.parametrize(
    ("data", "problem", "remedy"),
    [
        ({"name": "x", "leavs": []}, "unknown key 'leavs'", "did you mean 'leaves'?"),
        ({"name": "x", "kind": "birhc"}, "'birhc' is not allowed here", "did you mean 'birch'?"),
        ({"name": "x", "kind": 3}, "3 is not allowed here", "known: oak, birch"),
        ({"name": "x", "zzzzz": 1}, "unknown key 'zzzzz'", "known: name, count, open"),
    ],
)
def test_unknown_words_get_a_suggestion(data: dict[str, Any], problem: str, remedy: str):
    with pytest.raises(BadInput) as caught:
        Tree.from_dict(data)
    assert caught.value.problem == problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "data",
    [
        {"name": "x", "z" * 10**6: 1},
        {"name": "x", "kind": "z" * 10**6},
        {"name": "x", "rest": {"z" * 10**6: {1}}},
    ],
)
def test_whoever_writes_a_file_does_not_decide_how_long_a_message_is(data: dict[str, Any]):
    with pytest.raises(BadInput) as caught:
        Tree.from_dict(data)
    assert "z" * 40 in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_what_a_record_says_of_a_text_is_short_too():
    with pytest.raises(BadInput, match="has an axis below 1") as caught:
        InputSpec("x", "uint8", (0,))
    assert caught.value.where == "inputs.x.shape"
    text = json.dumps({"name": "n" * 10**5, "dtype": "uint8", "shape": [0] * 10**5})
    with pytest.raises(BadInput, match=r"^shape \[0, 0, .*0, \.\.\.\n") as caught:
        InputSpec.from_json(text)
    assert len(str(caught.value)) < 3000


def test_did_you_mean():
    assert did_you_mean("openvno", ["onnxruntime", "openvino"]) == "did you mean 'openvino'?"
    assert did_you_mean("tpu", iter(["onnxruntime", "openvino"])) == "known: onnxruntime, openvino"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        '{"name": "x"} more',
        "[" * 200_000,
        '{"name":' * 200_000,
        '{"name": "x", "name": "y"}',
    ],
    ids=["empty", "torn", "word", "more", "lists", "tables", "twice"],
)
def test_what_is_not_json_is_bad_input(text: str):
    with pytest.raises(BadInput, match="not valid JSON") as caught:
        Tree.from_json(text, where="tree.json")
    assert caught.value.where == "tree.json"


def test_a_step_may_be_written_flat():
    flat, full = {"op": "scale", "by": 2}, {"op": "scale", "args": {"by": 2}}
    assert Step.from_dict(flat) == Step.from_dict(full) == Step("scale", {"by": 2})
    with pytest.raises(BadInput, match="expected str, found None"):
        Step.from_dict({"by": 2})


def test_records_are_frozen_and_a_manifest_comes_back():
    manifest = Manifest(
        "x", "1", "openvino", "int8", (InputSpec("image", "uint8", (8, 8, 3), "HWC"),),
        (OutputSpec("score", "binary", 1, ("well", "ill")),), {"steps": [{"op": "scale"}]}, {"a": "b"}, 1,
        {}, {}, {}, 0,
    )  # fmt: skip
    assert Manifest.from_json(manifest.to_json()) == manifest
    with pytest.raises(AttributeError):
        manifest.name = "y"


class Leg(Record):
    length: float
    name: str = "left"
    bones: tuple[int, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class ByDataclass:
    length: float
    name: str = "left"
    bones: tuple[int, ...] = field(default_factory=tuple)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((1.5,), {}),
        ((1.5, "right"), {}),
        ((1.5,), {"bones": (1, 2)}),
        ((), {"name": "right", "length": 2.0}),
        ((), {}),
        ((), {"name": "right"}),
        ((1.5,), {"length": 2.0}),
        ((1.5, "right", (), 4), {}),
        ((1.5,), {"feet": 1}),
    ],
)
def test_a_record_is_made_as_dataclasses_are(values: tuple[Any, ...], named: dict[str, Any]):
    try:
        expected = ByDataclass(*values, **named)
    except TypeError:
        with pytest.raises(TypeError, match=r"Leg\(\)"):
            Leg(*values, **named)
        return
    made = Leg(*values, **named)
    assert vars(made) == vars(expected)
    assert list(vars(made)) == list(vars(expected))
    assert repr(made) == repr(expected).replace("ByDataclass", "Leg")
    assert replace(made, name="third") == Leg(made.length, "third", made.bones)


def test_records_are_equal_by_kind_and_values():
    assert Leg(1.0) == Leg(1.0, "left", ())
    assert hash(Leg(1.0)) == hash(Leg(1.0, "left", ()))
    assert len({Leg(1.0), Leg(1.0), Leg(2.0)}) == 2
    assert Leg(1.0) != Leg(1.0, "right")
    assert Leg(1.0) != ByDataclass(1.0)
    with pytest.raises(FrozenInstanceError):
        del Leg(1.0).name


def test_free_form_data_is_not_nested_without_end():
    with pytest.raises(BadInput, match="nested more than 64 deep") as caught:
        Tree.from_json('{"name": "x", "rest": {"a": ' + "[" * 300 + "]" * 300 + "}}")
    assert caught.value.where == "Tree.rest.a"


@pytest.mark.parametrize("value", [float("inf"), float("nan"), datetime.date(2020, 1, 1), [1, {"b": b"x"}]])
def test_free_form_data_is_what_json_can_hold(value):
    with pytest.raises(BadInput, match="expected") as caught:
        Tree.from_dict({"name": "x", "rest": {"a": value}})
    assert caught.value.where == "Tree.rest.a"


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("threshold", [0.0, 1.0, 5.0, -1.0, float("nan")])
def test_a_threshold_is_a_probability(kind: str, threshold: float):
    with pytest.raises(BadInput, match="is not between 0 and 1"):
        OutputSpec("score", kind, 2, threshold=threshold)
    assert OutputSpec("volume", "regression", 1, threshold=threshold).kind == "regression"
