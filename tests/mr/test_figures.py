"""Figures: of all cases, and by thirds of a value in which each case counts once."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.mr.figures import Figure, figures
from edgemed.types import OutputSpec

LESION = OutputSpec("lesion", "binary", 1)
VOLUME = OutputSpec("volume", "regression", 1)


def _binary(truth: np.ndarray, volume: np.ndarray, scores: np.ndarray) -> list[Figure]:
    answers = {"lesion": scores[:, None], "volume": np.zeros((len(truth), 1))}
    targets = {"lesion": truth, "volume": volume}
    return [each for each in figures((LESION, VOLUME), targets, [answers], answers, None) if each.values]


def test_the_cases_of_each_third_stand_against_all_controls() -> None:
    truth = np.array([0] * 4 + [1] * 9)
    volume = np.concatenate((np.zeros(4), np.arange(1.0, 10.0)))
    # the smallest three look like controls, the largest three do not
    scores = np.concatenate((np.zeros(4), [-1.0] * 3, [0.0] * 3, [1.0] * 3))
    found = [each for each in _binary(truth, volume, scores) if each.head == "lesion"]
    assert [each.measure for each in found] == ["AUC"] * 3
    assert [each.cases for each in found] == [7, 7, 7]
    assert [each.networks[0] for each in found] == [0.0, 0.5, 1.0]
    assert (found[0].values[0], found[-1].values[1]) == (1.0, 9.0)
    assert [a.values[1] for a in found[:-1]] == [b.values[0] for b in found[1:]]


@pytest.mark.parametrize(
    ("volumes", "cases"),
    [
        ([1.0, 2.0, 5.0, 5.0, 5.0, 5.0], [2, 4]),
        ([1.0, 1.0, 1.0, 1.0, 2.0, 3.0], [4, 2]),
        ([2.0, 2.0, 2.0, 2.0], []),
        ([1.0, 2.0], []),
        ([-3.0, -2.0, -1.0], [1, 1, 1]),
    ],
    ids=str,
)
def test_a_case_counts_in_one_third(volumes: list[float], cases: list[int]) -> None:
    truth = np.array([0] * 5 + [1] * len(volumes))
    found = _binary(truth, np.array([0.0] * 5 + volumes), np.zeros(len(truth)))
    assert [each.cases for each in found if each.measure == "MAE"] == cases
    assert [each.cases - 5 for each in found if each.measure == "AUC"] == cases


def test_an_absolute_error_is_in_the_values_unit() -> None:
    truth = {"volume": np.array([0.0, 2.0, 4.0, 6.0])}
    answers = {"volume": np.array([[9.0], [3.0], [4.0], [2.0]])}
    found = figures((VOLUME,), truth, [answers], answers, 300.0)
    assert [(each.measure, each.cases) for each in found] == [("R2", 4)] + [("MAE", 1)] * 3
    assert [each.linear for each in found[1:]] == [1.0, 0.0, 4.0]
    assert {each.snr for each in found} == {300.0}


def test_several_classes_have_a_balanced_accuracy() -> None:
    kind = OutputSpec("kind", "multiclass", 3)
    truth = np.array([0, 0, 0, 0, 1, 2])
    right, blind = np.eye(3)[truth], np.eye(3)[np.zeros(6, int)]
    (found,) = figures((kind,), {"kind": truth}, [{"kind": right}, {"kind": blind}], {"kind": blind}, None)
    assert (found.measure, found.cases) == ("balanced accuracy", 6)
    assert found.networks == pytest.approx((1.0, 1 / 3))
    assert (found.mean, found.deviation) == pytest.approx((2 / 3, np.sqrt(2) / 3))


def test_one_network_has_no_spread() -> None:
    assert Figure("a", "AUC", None, (), 3, (0.5,), 0.5).deviation is None
