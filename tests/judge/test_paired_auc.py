"""Paired AUC: DeLong's error, the bootstrap against resampling case by case, ties, macro."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge.auc import auc_differences
from edgemed.judge.paired_auc import _sorted, _weighted, paired_aucs
from edgemed.judge.unseen import half_width

Z = 1.959963984540054


@pytest.fixture
def scored():
    random = np.random.default_rng(0)
    positive = random.random(300) < 0.3
    before = random.normal(size=300) + 1.5 * positive
    return np.round(before, 1), np.round(before + random.normal(0, 0.3, 300), 1), positive


def test_error_is_delongs_and_the_room_is_that_of_the_rarer_class(scored):
    before, after, positive = scored
    found = paired_aucs([scored], 0.025, None, 0, 0)[0]
    figure = auc_differences([("", before, positive)], [("", after, positive)])[0]
    error = (figure.high - figure.low) / (2 * Z)
    fewer = positive.sum()
    assert found.difference == pytest.approx(figure.value)
    assert found.high - found.difference == pytest.approx(half_width(error, fewer, 1 / fewer, 0.025))
    assert found.units.mean() == pytest.approx(found.difference)
    assert found.units.std() / np.sqrt(300) == pytest.approx(error, rel=1e-6)


def test_weights_are_those_of_scikit_learn(scored, metrics):
    before, after, positive = scored
    weights = np.random.default_rng(1).integers(0, 4, (300, 5)).astype(np.float32)
    expected = [
        metrics.roc_auc_score(positive, after, sample_weight=column)
        - metrics.roc_auc_score(positive, before, sample_weight=column)
        for column in weights.T
    ]
    assert _weighted(_sorted(scored), weights) == pytest.approx(expected, abs=1e-6)


def test_a_draw_without_a_class_is_left_out(scored):
    *_, positive = scored
    weights = np.stack([np.ones(300), positive], axis=1).astype(np.float32)
    found = _weighted(_sorted(scored), weights)
    assert np.isfinite(found[0])
    assert np.isnan(found[1])


def test_bootstrap_of_groups_agrees_with_delong_where_groups_do_not_matter(scored):
    alone = paired_aucs([scored], 0.025, None, 0, 0)[0]
    groups = np.random.default_rng(2).permutation(np.repeat(np.arange(150), 2))
    grouped = paired_aucs([scored], 0.025, groups, 4000, 0)[0]
    assert grouped.method == "bootstrap over groups, with room for changes not seen"
    narrow = [each.high - each.difference - each.weight * Z**2 for each in (alone, grouped)]
    assert narrow[0] == pytest.approx(narrow[1], abs=0.008)


def test_the_bootstrap_is_seeded_and_sees_patients(scored):
    before, after, positive = (np.repeat(each, 3) for each in scored)
    groups = np.repeat(np.arange(300), 3)
    first, again, other = (
        paired_aucs([(before, after, positive)], 0.025, groups, 500, seed)[0] for seed in (0, 0, 1)
    )
    assert first.low == again.low
    assert first.low != other.low
    single = paired_aucs([scored], 0.025, None, 0, 0)[0]
    assert first.high - first.low == pytest.approx(single.high - single.low, rel=0.1)


def test_equal_scores_still_leave_room(scored):
    before, _, positive = scored
    found = paired_aucs([(before, before, positive)], 0.025, None, 0, 0)[0]
    assert found.difference == 0.0
    assert found.low == pytest.approx(-(Z**2) / (positive.sum() + Z**2))


def test_one_positive_case_or_one_group_of_them_has_no_interval(scored):
    before, after, positive = scored
    lonely = np.arange(300) == 5
    assert paired_aucs([(before, after, lonely)], 0.025, None, 0, 0)[0] is None
    groups = np.where(positive, 0, np.arange(300))
    assert paired_aucs([scored], 0.025, groups, 500, 0)[0] is None


def test_macro_is_the_mean_and_a_rare_class_weighs_less_there():
    random = np.random.default_rng(3)
    classes = np.repeat([0, 1, 2], [20, 60, 120])
    before = random.normal(size=(200, 3)) + 1.5 * np.eye(3)[classes]
    after = before + random.normal(0, 0.2, (200, 3))
    questions = [(before[:, c], after[:, c], classes == c) for c in range(3)]
    *singles, macro = paired_aucs(questions, 0.025, None, 0, 0)
    assert singles[1].low == paired_aucs(questions[1:2], 0.025, None, 0, 0)[0].low
    assert macro.difference == pytest.approx(np.mean([each.difference for each in singles]))
    assert macro.weight == pytest.approx((1 / 20 + 1 / 140 + 1 / 80) / 3)
    assert macro.weight < singles[0].weight
