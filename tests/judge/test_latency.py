"""Percentiles only where n allows, and ratios with honest intervals."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import faster, percentiles


@pytest.mark.parametrize(
    ("n", "known"),
    [(63, ()), (64, ("p90_ms",)), (130, ("p90_ms", "p95_ms")), (662, ("p90_ms", "p95_ms", "p99_ms"))],
)
def test_percentiles_are_claimed_only_where_n_allows(n, known):
    found = percentiles(np.linspace(0.001, 0.002, n))
    assert found.n == n
    assert found.p50_ms == pytest.approx(1.5)
    assert tuple(name for name in ("p90_ms", "p95_ms", "p99_ms") if getattr(found, name) is not None) == known


def test_percentiles_are_in_ms():
    found = percentiles(np.arange(1, 1001) / 1e6)
    assert found.p90_ms == pytest.approx(0.9001, abs=1e-4)
    assert found.mean_ms == pytest.approx(0.5005)


def test_ratio_and_pairing():
    """Both drift by a factor of 3 together: paired rounds leave the ratio at one half."""
    random = np.random.default_rng(0)
    drift = np.linspace(1, 3, 200)
    baseline = 0.010 * drift * random.uniform(0.99, 1.01, 200)
    candidate = 0.005 * drift * random.uniform(0.99, 1.01, 200)
    found = faster(baseline, candidate)
    assert found.ratio == pytest.approx(0.5, rel=0.02)
    assert found.low == pytest.approx(0.5, rel=0.03)
    assert found.high == pytest.approx(0.5, rel=0.03)
    assert found.faster
    assert found.rounds == 200
    assert found.baseline_ms == pytest.approx(20, rel=0.02)


@pytest.mark.slow
def test_equal_speed_is_not_faster_beyond_noise():
    """Of 60 comparisons of equals about one in forty may claim to be faster."""
    random = np.random.default_rng(1)
    claims = [faster(random.lognormal(0, 0.1, 120), random.lognormal(0, 0.1, 120)).faster for _ in range(60)]
    assert sum(claims) <= 6


@pytest.mark.slow
def test_interval_covers_the_truth():
    random = np.random.default_rng(2)
    inside = 0
    for _ in range(100):
        found = faster(random.lognormal(0, 0.2, 80), 0.8 * random.lognormal(0, 0.2, 80))
        inside += found.low <= 0.8 <= found.high
    assert 88 <= inside <= 100


def _launches(random, ratios, rounds=200):
    """Launches of a baseline at 10 ms and of a candidate at these ratios, with 1 % of noise inside."""
    noise = random.lognormal(0, 0.01, (2, len(ratios), rounds))
    return 0.010 * noise[0], 0.010 * noise[1] * np.array(ratios)[:, None]


def test_launches_that_disagree_widen_the_interval():
    random = np.random.default_rng(3)
    same = faster(*_launches(random, [0.5, 0.5]))
    other = faster(*_launches(random, [0.4, 0.6]))
    assert same.high - same.low < 0.01
    assert other.low < 0.41
    assert other.high > 0.59
    assert other.ratio == pytest.approx(0.5, rel=0.02)
    assert other.rounds == 400


def test_the_ratio_is_the_median_launch_and_one_launch_against_it_denies_the_claim():
    found = faster(*_launches(np.random.default_rng(4), [0.8, 0.7, 1.2]))
    assert found.ratio == pytest.approx(0.8, rel=0.01)
    assert found.high > 1.1
    assert not found.faster
    assert faster(*_launches(np.random.default_rng(4), [0.8, 0.7, 0.9])).faster


def test_the_interval_spans_up_to_five_launches_and_of_more_leaves_out_the_outermost():
    """So its coverage is 1 - 2 ** (1 - n) to five only: of seven, one at each end is left out."""
    ratios = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8]
    for count in (3, 4, 5):
        found = faster(*_launches(np.random.default_rng(8), ratios[:count]))
        assert found.low == pytest.approx(ratios[0], rel=0.02)
        assert found.high == pytest.approx(ratios[count - 1], rel=0.02)
    found = faster(*_launches(np.random.default_rng(8), ratios))
    assert found.low == pytest.approx(ratios[1], rel=0.02)
    assert found.high == pytest.approx(ratios[-2], rel=0.02)


def test_an_artefact_is_not_faster_than_itself():
    values = np.random.default_rng(5).lognormal(0, 0.2, (3, 300))
    found = faster(values, values)
    assert (found.ratio, found.low, found.high) == (1.0, 1.0, 1.0)
    assert not found.faster


@pytest.mark.slow
def test_equal_artefacts_are_rarely_faster_though_launches_differ():
    """Each launch moves the ratio by 5 %: one launch would claim so in nearly half of all cases."""
    random = np.random.default_rng(6)
    claims = {1: 0, 3: 0, 5: 0}
    for launches in claims:
        for _ in range(60):
            ratios = random.lognormal(0, 0.05, launches)
            claims[launches] += faster(*_launches(random, ratios, 60)).faster
    assert claims[5] <= 5
    assert claims[3] <= 14
    assert claims[1] > claims[3] > claims[5]


def test_one_launch_is_as_rounds_alone():
    baseline, candidate = _launches(np.random.default_rng(7), [0.7])
    assert faster(baseline, candidate) == faster(baseline[0], candidate[0])
    assert percentiles(_launches(np.random.default_rng(7), [1, 1])[0]).n == 400


def test_one_round_has_no_interval_and_is_never_faster():
    found = faster(np.array([2.0]), np.array([1.0]))
    assert found.ratio == 0.5
    assert found.high is None
    assert not found.faster


@pytest.mark.parametrize("bad", [[], [0.0, 1.0], [np.nan, 1.0], [-1.0, 1.0]])
def test_impossible_latencies_are_refused(bad):
    with pytest.raises(BadInput):
        percentiles(np.array(bad))


def test_rounds_must_pair_up():
    with pytest.raises(BadInput, match="not interleaved"):
        faster(np.ones(4), np.ones(5))
    with pytest.raises(BadInput, match="not interleaved"):
        faster(np.ones((3, 4)), np.ones((2, 4)))
