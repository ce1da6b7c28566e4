"""Stress points: the same heads, with one thing changed and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.mr.omission import omission
from edgemed.mr.protocol import PROTOCOL_A
from edgemed.mr.simulate import simulate
from edgemed.mr.stress_points import VALUES, BasePoint, base_value, values
from edgemed.mr.task import IMRD_EASY, IMRD_HONEST

SHORT = replace(PROTOCOL_A, echoes=6, samples=4)
EASY = replace(IMRD_EASY, protocol=SHORT)
HONEST = replace(IMRD_HONEST, protocol=SHORT)
HEADS, SEED = 4, 5
AXES = list(VALUES)


@pytest.fixture(scope="module")
def easy() -> BasePoint:
    return BasePoint.of(EASY, HEADS, SEED)


@pytest.fixture(scope="module")
def again() -> BasePoint:
    return BasePoint.of(EASY, HEADS, SEED)


@pytest.fixture(scope="module")
def honest() -> BasePoint:
    return BasePoint.of(HONEST, HEADS, SEED)


def _relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


@pytest.mark.parametrize("axis", AXES)
def test_every_axis_passes_its_base_which_is_the_task_itself(honest: BasePoint, axis) -> None:
    along = values(axis, HONEST)
    assert list(along) == sorted(set(along))
    assert {*VALUES[axis], base_value(axis, HONEST)} == set(along)
    assert honest.at(axis, base_value(axis, HONEST)) is honest.signals


def test_the_base_is_what_is_simulated(honest: BasePoint) -> None:
    made = simulate(HONEST, HEADS, SEED)
    assert honest.signals.tobytes() == made.signals.tobytes()
    assert honest.lesion_ml.tolist() == made.lesion_ml.tolist()


@pytest.mark.parametrize("axis", AXES)
def test_a_point_repeats_and_changes_every_head(easy: BasePoint, again: BasePoint, axis) -> None:
    value = VALUES[axis][-1]
    signals = easy.at(axis, value)
    assert (signals.shape, signals.dtype) == (easy.signals.shape, np.complex64)
    assert signals.tobytes() == again.at(axis, value).tobytes()
    assert (signals != easy.signals).any((1, 2, 3, 4)).all()


def test_noise_keeps_its_shape_at_every_snr(easy: BasePoint) -> None:
    one, other = ((easy.at("snr", snr) - easy.clean) * snr for snr in (30.0, 300.0))
    assert _relative(one, other) < 1e-3


def test_a_gain_multiplies_signal_and_noise(easy: BasePoint) -> None:
    assert easy.at("gain", 1.25) == pytest.approx(1.25 * easy.signals, rel=1e-6)


@pytest.mark.parametrize("axis", ["samples", "echoes", "block"])
def test_only_what_is_omitted_is_filled(easy: BasePoint, axis) -> None:
    signals = easy.at(axis, 0.4)
    for number in range(HEADS):
        gone = omission(axis, 0.4, easy.signals.shape[1:4], seed=SEED, number=number)
        assert (signals[number] == easy.signals[number])[~gone].all()
        assert (signals[number] != easy.signals[number])[gone].all()


def test_the_fill_is_near_where_heads_are_alike() -> None:
    """Of one anatomy all that is lost is a head's own lesions and noise, whatever its phase."""
    turned = replace(EASY, spread=replace(EASY.spread, phase_rad=np.pi), snr=1e6)
    base = BasePoint.of(turned, HEADS, SEED)
    assert _relative(base.at("samples", 0.4), base.clean) < 0.03


def test_relaxation_and_b1_change_nothing_else(easy: BasePoint) -> None:
    task = replace(EASY, spread=replace(EASY.spread, relaxation_cv=0.05))
    assert easy.at("relaxation", 0.05).tobytes() == simulate(task, HEADS, SEED).signals.tobytes()
    task = replace(EASY, spread=replace(EASY.spread, b1_error=-0.1))
    made = simulate(task, HEADS, SEED)
    assert easy.at("b1", -0.1).tobytes() == made.signals.tobytes()
    assert made.lesion_ml.tolist() == easy.lesion_ml.tolist()


def test_heads_of_one_kind_cannot_be_scored() -> None:
    lesions = [simulate(EASY, 1, seed).lesion[0] for seed in range(8)]
    for kind, told in ((0, "controls"), (1, "cases")):
        with pytest.raises(BadInput, match=f"all {told}") as error:
            BasePoint.of(EASY, 1, lesions.index(kind))
        assert "--heads" in error.value.where
