"""A study's data, held to each other before anything is learnt."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted import planted, write_planted

from edgemed.errors import BadInput
from edgemed.mr.shift import Shift
from edgemed.mr.study import Study, gather
from edgemed.mr.training import Schedule
from edgemed.types import Step


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("train", "validate", "test")):
        write_planted(tmp_path / f"{name}.npz", 20, seed)
    return tmp_path


def test_a_fifth_validates_where_no_set_is_named(folder: Path) -> None:
    material = gather(Study("train.npz", label="lesion"), folder)
    assert (len(material.fit), len(material.validate)) == (16, 4)
    assert material.test is None
    material = gather(Study("train.npz", "validate.npz", "test.npz", label="lesion"), folder)
    assert [len(each) for each in (material.fit, material.validate, material.test) if each] == [20, 20, 20]


def test_heads_are_what_the_columns_hold(folder: Path) -> None:
    names = np.array(["water", "oil"] * 10)
    write_planted(folder / "train.npz", 20, 0, kind=names, grade=np.arange(20) % 4)
    study = Study("train.npz", label="lesion", value="volume", unit="mL")
    lesion, volume = gather(study, folder).heads
    assert (lesion.kind, lesion.columns, lesion.labels) == ("binary", 1, ("no lesion", "lesion"))
    assert (volume.kind, volume.unit) == ("regression", "mL")
    (kind,) = gather(Study("train.npz", label="kind"), folder).heads
    assert (kind.kind, kind.labels) == ("binary", ("oil", "water"))
    (grade,) = gather(Study("train.npz::rows=0:20", label="grade"), folder).heads
    assert (grade.kind, grade.columns, grade.labels) == ("multiclass", 4, ("0", "1", "2", "3"))


def test_the_positive_of_two_classes_is_the_one_that_is_named(folder: Path) -> None:
    write_planted(folder / "train.npz", 20, 0, kind=np.array(["none", "affected"] * 10))
    material = gather(Study("train.npz", label="kind", positive="affected"), folder)
    assert material.heads[0].labels == ("none", "affected")
    for data in (material.fit, material.validate):
        rows = [int(group.partition("-")[2]) for group in data.groups.tolist()]
        assert data.targets["kind"].tolist() == [row % 2 for row in rows]
    assert gather(Study("train.npz", label="lesion", positive="1"), folder).heads[0].labels[1] == "lesion"
    for label, positive, remedy in (("kind", "ill", "give one of them"), ("lesion", "0", "1 is the case")):
        with pytest.raises(BadInput, match=f"'{positive}' is not one of two classes") as caught:
            gather(Study("train.npz", label=label, positive=positive), folder)
        assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        ({"validate": "train.npz"}, "the training set and the validation set share 20 groups"),
        ({"test": "train.npz::rows=3:5"}, "share 2 groups, such as '0-3'"),
        (
            {"validate": "validate.npz", "test": "validate.npz::rows=0:2"},
            "the validation set and the test set share 2 groups",
        ),
    ],
    ids=str,
)
def test_sets_that_share_a_patient_are_refused(folder: Path, sets: dict[str, str], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        gather(Study("train.npz", label="lesion", **sets), folder)
    assert says in caught.value.problem


def test_the_same_signal_in_two_sets_is_refused_without_patients(folder: Path) -> None:
    nobody = np.array([""] * 20)
    write_planted(folder / "train.npz", 20, 0, patient=nobody)
    signals = planted(20, 2)["signal"]
    signals[7] = planted(20, 0)["signal"][3]
    write_planted(folder / "test.npz", 20, 2, patient=nobody, signal=signals)
    with pytest.raises(BadInput, match="share 1 groups"):
        gather(Study("train.npz", test="test.npz", label="lesion"), folder)


def test_values_beyond_float32_are_refused(folder: Path) -> None:
    write_planted(folder / "train.npz", 20, 0, volume=np.linspace(0, 1e39, 20))
    with pytest.raises(BadInput, match=r"a value is 1e[+]39; at most 1e[+]30 are learnt in float32"):
        gather(Study("train.npz", value="volume"), folder)


@pytest.mark.parametrize("role", ["train", "validate", "test"])
@pytest.mark.parametrize(
    ("asked", "more", "says"),
    [
        ({"label": "lesion"}, {"lesion": np.ones(20, int)}, "of 'lesion' the 20 signals hold 'lesion' only"),
        ({"value": "volume"}, {"volume": np.full(20, 2.5)}, "of 'volume' the 20 signals hold 2.5 only"),
    ],
    ids=["one class", "one value"],
)
def test_a_set_of_one_kind_is_refused(folder: Path, role: str, asked: Any, more: Any, says: str) -> None:
    write_planted(folder / "one.npz", 20, 9, **more)
    sets = {"train": "train.npz", "validate": "validate.npz", role: "one.npz"}
    with pytest.raises(BadInput) as caught:
        gather(Study(**sets, **asked), folder)
    if role == "train" and "label" in asked:
        says = "'lesion' holds only '1': expected at least 2 classes"
    assert caught.value.problem == says
    assert caught.value.where in (f"--{role}", "TRAIN", "one.npz")


STUDIES: list[tuple[dict[str, Any], str]] = [
    ({}, "nothing to learn is named"),
    ({"label": "lesion", "value": "lesion"}, "'lesion' is asked for as classes and as numbers"),
    ({"label": "1"}, "an output of the network cannot be called 1"),
    ({"label": "lesion", "test": "test.npz", "leave_out": True}, "each group is the test of the others"),
    ({"label": "lesion", "steps": (Step("whiten", {"statistics": "a.npz"}),)}, "whitening is learnt"),
    ({"label": "lesion", "snrs": (100.0, math.nan)}, "nan or inf among 100, nan"),
    ({"label": "lesion", "snrs": (math.inf,)}, "nan or inf"),
    ({"label": "lesion", "shift": Shift(math.inf)}, "nan or inf"),
    ({"label": "lesion", "schedule": Schedule(learning_rate=math.nan)}, "nan or inf"),
]


@pytest.mark.parametrize(("asked", "says"), STUDIES, ids=[says for _, says in STUDIES])
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        Study("train.npz", **asked)
    assert says in caught.value.problem
