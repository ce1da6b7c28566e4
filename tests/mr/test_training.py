"""Training: it learns what is planted, keeps its best epoch, and repeats bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from planted import planted

from edgemed.errors import BadInput
from edgemed.mr.fitted import Fitted, fit_networks
from edgemed.mr.noise import with_fresh_noise
from edgemed.mr.quality import quality
from edgemed.mr.raw_front import STEPS, RawFront, statistics
from edgemed.mr.shift import Shift
from edgemed.mr.signal_set import SignalSet
from edgemed.mr.study import Material, Study
from edgemed.mr.training import Learner, Schedule, answers, train
from edgemed.types import InputSpec, OutputSpec

SPEC = InputSpec("signal", "float32", (2, 6, 8, 1, 2), "TESKQ")
LESION = OutputSpec("lesion", "binary", 1)
VOLUME = OutputSpec("volume", "regression", 1, unit="mL")
KIND = OutputSpec("kind", "multiclass", 3)
QUICK = Schedule(epochs=12, learning_rate=5e-3, batch=16)


def _set(n: int, seed: int) -> SignalSet:
    held = planted(n, seed)
    signals = np.stack((held["signal"].real, held["signal"].imag), -1)
    kind = np.digitize(held["volume"], (0.5, 3.0))  # none, small, large
    targets = {"lesion": held["lesion"], "volume": held["volume"] + 200.0, "kind": kind}
    return SignalSet(signals, targets, held["patient"], True)


@lru_cache
def _material(*heads: OutputSpec) -> Material:
    return Material(SPEC, heads, RawFront(SPEC, STEPS), _set(160, 0), _set(60, 1), _set(90, 2))


def _learner(material: Material, snrs: tuple[float, ...] = ()) -> Learner:
    rows = material.front(material.fit.signals)
    return Learner(material.front, *statistics(rows), material.heads, snrs, Shift())


def _net(heads: Sequence[OutputSpec], architecture: str = "cnn", seed: int = 0) -> Any:
    import torch

    from edgemed.mr.models.signal_net import SignalNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SignalNet(24, 8, {head.name: head.columns for head in heads}, architecture)


def _trained(
    material: Material, schedule: Schedule = QUICK, seed: int = 0, snrs: tuple[float, ...] = ()
) -> tuple[Any, float, list[float]]:
    learner = _learner(material, snrs)
    rows = learner.whitened(material.front(material.validate.signals))
    reached: list[float] = []
    net = _net(material.heads, seed=seed)
    best = train(
        net, learner, material.fit, (rows, material.validate.targets), schedule, seed,
        lambda done, of, now: reached.append(now),
    )  # fmt: skip
    return net, best, reached


def _bytes(net: Any) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in net.state_dict().items()}


@pytest.mark.parametrize("architecture", ["cnn", "resnet", "linear-path"])
def test_each_architecture_learns_what_is_planted(architecture: Any) -> None:
    material = _material(LESION, VOLUME)
    study = Study("", label="lesion", value="volume", architecture=architecture, schedule=QUICK)
    fitted = _fitted(study, material)
    assert material.test is not None
    (given,) = fitted.answers(fitted.seen(material.test, "test", None))
    found = quality(material.heads, material.test.targets, given)
    assert found["lesion"] > 0.95
    assert found["volume"] > 0.8  # 200 mL and more are no obstacle: values are learnt as standard ones


def test_several_classes_are_learnt() -> None:
    material = _material(KIND)
    net, best, _ = _trained(material)
    assert best > 0.8
    assert set(answers(net, np.zeros((2, 24, 8), np.float32))) == {"kind"}


def _fitted(study: Study, material: Material) -> Fitted:
    return fit_networks(study, material, material.fit, material.validate, "training", lambda *told: None)


def test_the_linear_readout_learns_it_too() -> None:
    material = _material(LESION, VOLUME)
    study = Study("", label="lesion", value="volume", snrs=(300.0,), schedule=Schedule(epochs=1))
    fitted = _fitted(study, material)
    assert material.test is not None
    readout = fitted.linear(material.fit, material.validate, 300.0)
    found = quality(material.heads, material.test.targets, readout(fitted.seen(material.test, "test", 300.0)))
    assert found["lesion"] > 0.95
    assert found["volume"] > 0.9


def test_the_best_epoch_is_kept() -> None:
    """With labels that mean nothing an epoch in the middle is the best by chance."""
    material = _material(LESION)
    random = np.random.default_rng(3)
    fit = replace(material.fit, targets={"lesion": random.integers(0, 2, 160)})
    validate = replace(material.validate, targets={"lesion": random.integers(0, 2, 60)})
    material = replace(material, fit=fit, validate=validate)
    net, best, reached = _trained(material)
    assert best == max(reached) > reached[-1]
    rows = _learner(material).whitened(material.front(validate.signals))
    assert quality((LESION,), validate.targets, answers(net, rows))["lesion"] == best
    assert not net.training


def test_training_stops_where_nothing_improves() -> None:
    material = _material(LESION)
    schedule = replace(QUICK, epochs=50, patience=3)
    _, best, reached = _trained(material, schedule)
    assert len(reached) < 50
    assert reached.index(best) == len(reached) - 1 - schedule.patience


def test_the_same_seed_gives_the_same_bits() -> None:
    import torch

    material = _material(LESION, VOLUME)
    study = Study("", label="lesion", snrs=(100.0, 1000.0), schedule=replace(QUICK, epochs=2), seeds=2)
    one, other = map(_bytes, _fitted(study, material).networks)
    assert one != other
    threads = torch.get_num_threads()
    torch.set_num_threads(3 - min(threads, 2))
    torch.manual_seed(99)
    try:
        # of a seed, whatever was drawn before, by other networks or by the caller
        assert _bytes(_fitted(replace(study, seeds=1, seed=0), material).networks[0]) == one
        assert torch.initial_seed() == 99
    finally:
        torch.set_num_threads(threads)


def test_noise_and_places_are_drawn_anew_in_each_epoch() -> None:
    material = _material(LESION)
    learner = replace(_learner(material, (100.0,)), shift=Shift(0.5))
    random = np.random.default_rng(0)
    first, second = (learner.drawn(material.fit, random) for _ in range(2))
    assert not np.isclose(first, second).all(axis=(1, 2)).any()
    random = np.random.default_rng(0)
    moved = with_fresh_noise(Shift(0.5)(material.fit.signals, random), (100.0,), random)
    assert (first == learner.whitened(material.front(moved))).all()


def test_a_batch_is_at_most_the_set() -> None:
    material = _material(LESION)
    net, *_ = _trained(material, replace(QUICK, epochs=1, batch=1000))
    assert _bytes(net) != _bytes(_net((LESION,)))


def test_a_network_that_diverges_is_refused() -> None:
    with pytest.raises(BadInput, match="seed 0 answers nan or inf after epoch 1") as caught:
        _trained(_material(LESION), Schedule(epochs=2, learning_rate=1e30))
    assert "--learning-rate" in caught.value.remedy
