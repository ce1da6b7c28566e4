"""Cases needed: a set of that size proves it in about four of five draws from the same cases."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from edgemed.judge.cases_needed import cases_needed, never_proven
from edgemed.judge.paired_means import mean_difference, share_difference
from edgemed.judge.power import power_of


def test_decisions_need_what_the_exact_power_says():
    before = np.ones(100, bool)
    after = before.copy()
    after[:3] = False
    found = share_difference(before, after, 0.025, None)
    needed = cases_needed(found, 0.05, 0.025, 0)
    assert needed > 100
    assert power_of(needed, 3.5 / 101, 0.5 / 101, 0.05, 0.025) >= 0.8


def test_means_need_what_draws_show():
    random = np.random.default_rng(0)
    before = random.random(150)
    after = before + random.normal(0.002, 0.06, 150)
    found = mean_difference(before, after, 0.025, None, sign=-1)
    needed = cases_needed(found, 0.01, 0.025, 0)
    assert needed > 150
    proven = []
    for _ in range(400):
        picked = random.integers(150, size=needed)
        proven.append(mean_difference(before[picked], after[picked], 0.025, None, sign=-1).low > -0.01)
    assert np.mean(proven) == pytest.approx(0.85, abs=0.08)


def test_groups_need_more_cases_than_single_ones():
    random = np.random.default_rng(1)
    shift = np.repeat(random.normal(0, 0.05, 60), 5)
    before = random.random(300)
    alone = mean_difference(before, before + shift, 0.025, None, sign=-1)
    grouped = mean_difference(before, before + shift, 0.025, np.arange(300) // 5, sign=-1)
    assert cases_needed(grouped, 0.02, 0.025, 0) > cases_needed(alone, 0.02, 0.025, 0)


def test_a_loss_beyond_the_margin_needs_no_number():
    before, after = np.ones(50, bool), np.arange(50) >= 5
    found = share_difference(before, after, 0.025, None)
    assert never_proven(found, 0.05)
    assert cases_needed(found, 0.05, 0.025, 0) is None


def test_the_search_is_seeded_and_ends():
    before = np.array([0.0, 1.0] * 20)
    after = 1 - before
    found = mean_difference(before, after, 0.025, None)
    assert not never_proven(found, 1e-4)
    assert cases_needed(found, 1e-4, 0.025, 0) is None
    assert cases_needed(found, 0.2, 0.025, 3) == cases_needed(found, 0.2, 0.025, 3)


def test_draws_from_many_cases_are_not_all_held_at_once():
    random = np.random.default_rng(2)
    before = random.random(80_000)
    found = mean_difference(before, before + random.normal(0, 0.5, 80_000), 0.025, None, sign=-1)
    tracemalloc.start()
    try:
        cases_needed(found, 0.004, 0.025, 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20
