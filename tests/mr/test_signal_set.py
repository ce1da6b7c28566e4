"""Sets of raw signals for training: read with their labels and groups, split by group."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from planted import planted, write_planted

from edgemed.errors import BadInput
from edgemed.mr.signal_set import SignalSet, classes_in, joined, load_signals, raw_input
from edgemed.types import OutputSpec

LESION = OutputSpec("lesion", "binary", 1)
VOLUME = OutputSpec("volume", "regression", 1)
KIND = OutputSpec("kind", "multiclass", 3, ("fat", "oil", "water"))


def _grouped(groups: list[str], lesion: list[int]) -> SignalSet:
    signals = np.arange(len(groups), dtype=np.float32).reshape(-1, 1, 1, 1, 1, 1)
    return SignalSet(signals, {"lesion": np.array(lesion)}, np.array(groups), True)


def test_a_fifth_of_the_groups_is_split_off_whole() -> None:
    data = _grouped([f"p{row // 3}" for row in range(60)], [row % 2 for row in range(60)])
    fit, held = data.split((LESION,), 0)
    assert len(set(held.groups)) == 4  # of 20
    assert not set(held.groups) & set(fit.groups)
    assert sorted(joined(fit, held).signals.ravel()) == list(range(60))
    for part in (fit, held):
        assert (part.targets["lesion"] == part.signals.ravel() % 2).all()


def test_a_split_is_the_seeds() -> None:
    data = _grouped([str(row) for row in range(30)], [row % 2 for row in range(30)])
    held = [data.split((LESION,), seed)[1].signals.ravel().tolist() for seed in (0, 0, 1, 2**40)]
    assert held[0] == held[1]
    assert len({tuple(each) for each in held}) == 3


def test_each_side_of_a_split_has_every_class() -> None:
    data = _grouped([str(row) for row in range(10)], [1, 1] + [0] * 8)
    for seed in range(5):
        assert all(part.varies((LESION,)) for part in data.split((LESION,), seed))


@pytest.mark.parametrize(
    ("groups", "lesion"), [("aaab", [0, 1, 0, 1]), ("abcd", [0, 0, 0, 1]), ("aa", [0, 1])]
)
def test_what_cannot_be_split_is_refused(groups: str, lesion: list[int]) -> None:
    with pytest.raises(BadInput, match="holds all classes") as caught:
        _grouped(list(groups), lesion).split((LESION,), 0)
    assert "--validate SET" in caught.value.remedy


def test_an_archive_is_read_as_it_is(tmp_path: Path) -> None:
    write_planted(tmp_path / "set.npz", 12, 5)
    held = planted(12, 5)
    spec = raw_input("set.npz", tmp_path)
    assert (spec.shape, spec.layout) == ((2, 6, 8, 1, 2), "TESKQ")
    assert spec.acquisition is not None
    assert spec.acquisition.protocol == "planted"
    data = load_signals("set.npz::rows=2:10", spec, (LESION, VOLUME), tmp_path)
    assert (data.signals[..., 0] == held["signal"].real[2:10]).all()
    assert (data.signals[..., 1] == held["signal"].imag[2:10]).all()
    assert data.signals.dtype == np.float32
    assert (data.targets["lesion"] == held["lesion"][2:10]).all()
    assert (data.targets["volume"] == held["volume"][2:10]).all()
    assert (data.groups == held["patient"][2:10]).all()


def test_a_table_of_files_with_keys_of_its_own(tmp_path: Path) -> None:
    """Classes as text; patients under another name; a third of the rows."""
    arrays = planted(6, 1)
    names = ["oil", "water", "fat"] * 2
    with (tmp_path / "set.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "kind", "who"))
        for row, name in enumerate(names):
            one = {key: arrays[key] for key in list(arrays)[4:]}
            np.savez(tmp_path / f"{row}.npz", signal=arrays["signal"][row], **one)
            writer.writerow((f"{row}.npz", name, f"person {row // 2}"))
    ref = "set.csv::path=file,group=who,rows=0:4"
    assert classes_in(ref, "kind", tmp_path) == KIND.labels
    data = load_signals(ref, raw_input(ref, tmp_path), (KIND,), tmp_path)
    assert data.targets["kind"].tolist() == [1, 2, 0, 1]
    assert data.groups.tolist() == ["person 0", "person 0", "person 1", "person 1"]
    assert (data.signals[3, ..., 0] == arrays["signal"][3].real).all()


def test_without_patients_signals_of_the_same_content_are_one_group(tmp_path: Path) -> None:
    arrays = planted(8, 2)
    del arrays["patient"]
    arrays["signal"][5] = arrays["signal"][1]
    np.savez(tmp_path / "set.npz", **arrays)
    spec = raw_input("set.npz", tmp_path)
    groups = load_signals("set.npz", spec, (LESION,), tmp_path).groups
    assert groups[5] == groups[1]
    assert len(set(groups)) == 7
    assert set(load_signals("set.npz::rows=5:", spec, (LESION,), tmp_path).groups) <= set(groups)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"protocol": np.array("another")}, "protocol 'another', expected 'planted'"),
        ({"dwell_time_s": np.float64(1e-4)}, "dwell time 0.0001 s, expected 0.0002 s"),
        ({"signal": planted(12, 5)["signal"][:, :, :, 1:]}, "7, 1"),
        ({"lesion": np.full(12, 2)}, "label 2 is outside the classes 0 to 1"),
        ({"volume": np.full(12, np.nan)}, "NaN or infinite"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_set_that_does_not_fit_the_first_is_refused(tmp_path: Path, more: dict, says: str) -> None:
    write_planted(tmp_path / "set.npz", 12, 5)
    write_planted(tmp_path / "other.npz", 12, 5, **more)
    with pytest.raises(BadInput) as caught:
        load_signals("other.npz", raw_input("set.npz", tmp_path), (LESION, VOLUME), tmp_path)
    assert says in caught.value.problem
    assert "other.npz" in caught.value.where


def test_what_holds_no_raw_signals_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", signal=np.zeros((4, 2, 8)), lesion=np.arange(4) % 2)
    with pytest.raises(BadInput, match="no raw MR signals"):
        raw_input("set.npz", tmp_path)


@pytest.mark.parametrize("column", ["volume", "one"])
def test_a_column_without_classes_is_refused(tmp_path: Path, column: str) -> None:
    write_planted(tmp_path / "set.npz", 12, 5, one=np.zeros(12, int))
    with pytest.raises(BadInput, match="expected at least 2"):
        classes_in("set.npz", column, tmp_path)
