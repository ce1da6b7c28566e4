"""The training loop and the linear baseline."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.demo.ridge import fit_ridge
from edgemed.demo.training import Labelled, Schedule, area, predict, train

SCHEDULE = Schedule(epochs=5, rate=1e-2, weight_decay=0.01, batch=32)


def _clouds(count: int, seed: int) -> Labelled:
    """Two overlapping clouds in 20 dimensions."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    inputs = random.standard_normal((count, 20)) + 0.5 * labels[:, None] - 0.25
    return Labelled(inputs.astype(np.float32), labels)


def _net(seed: int):
    import torch

    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(20, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))


@pytest.mark.slow
def test_training_learns_and_keeps_the_best_epoch():
    fit, select = _clouds(320, 1), _clouds(200, 2)
    net, seen = _net(0), []
    best = train(net, fit, select, SCHEDULE, 0, lambda what, share: seen.append((what, share)))
    assert best > 0.8
    assert area(select.labels, predict(net, select.inputs)) == pytest.approx(best)
    assert not net.training
    assert len(seen) == 5
    assert seen[-1][1] == 1.0


def test_training_repeats_with_its_seed():
    fit, select = _clouds(320, 1), _clouds(200, 2)
    scores = []
    for seed in (0, 0, 1):
        net = _net(0)
        train(net, fit, select, SCHEDULE, seed, lambda what, share: None)
        scores.append(predict(net, select.inputs))
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_training_stops_early_and_leaves_the_thread_count():
    import torch

    threads = torch.get_num_threads()
    schedule = Schedule(epochs=50, rate=0.0, weight_decay=0.0, patience=3)
    seen: list[str] = []
    train(_net(0), _clouds(128, 1), _clouds(64, 2), schedule, 0, lambda what, share: seen.append(what))
    assert len(seen) == 4
    assert torch.get_num_threads() == threads


def test_ridge_finds_the_direction_between_two_clouds():
    accept = _clouds(2000, 3)
    scores = fit_ridge(_clouds(2000, 1), _clouds(500, 2))(accept.inputs)
    assert area(accept.labels, scores) == pytest.approx(0.943, abs=0.02)
