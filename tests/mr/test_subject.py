"""Simulated heads: what they differ in, and that their maps hold what was drawn."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.mr.anatomy import Anatomy
from edgemed.mr.head import Head, load_head
from edgemed.mr.spread import Spread
from edgemed.mr.subject import Subject
from edgemed.mr.task import IMRD_EASY, IMRD_HONEST
from edgemed.mr.tissue import CSF, GREY, HYPERINTENSITY, LESION, SCALP, WHITE

HONEST = IMRD_HONEST.spread


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def _draw(spread: Spread, number: int, seed: int = 3) -> Subject:
    return Subject.draw(spread, np.random.SeedSequence(seed, spawn_key=(number,)))


def _same(one: object, other: object) -> bool:
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def test_the_atlas_has_a_head_of_plausible_volumes(head: Head) -> None:
    volumes = Anatomy.of(head, _draw(IMRD_EASY.spread, 0)).volumes.sum(1)
    assert 500 < volumes[WHITE] < 800
    assert 800 < volumes[GREY] < 1200
    assert 150 < volumes[CSF] < 400
    assert 400 < volumes[SCALP] < 1000


def test_the_ventricles_lie_in_the_middle(head: Head) -> None:
    ventricles = head.ventricle_mm == 0
    volume = 0.064 * head.fractions[CSF, ventricles].sum()
    assert 5 < volume < 40
    assert np.abs(head.positions[ventricles].mean(0)[0]) < 5
    assert np.abs(head.positions[ventricles]).max() < 60


def test_a_seed_gives_the_same_subject_again() -> None:
    one, again, other = _draw(HONEST, 5), _draw(HONEST, 5), _draw(HONEST, 6)
    for field in dataclasses.fields(Subject):
        assert _same(getattr(one, field.name), getattr(again, field.name))
    assert not _same(one.warp_mm, other.warp_mm)


def test_what_is_not_changed_is_drawn_alike_under_another_spread() -> None:
    before, after = _draw(HONEST, 2), _draw(replace(HONEST, relaxation_cv=0.1, gain_cv=0.0, b1_cv=0.0), 2)
    changed = {"t1_factor", "t2_factor", "gain", "b1"}
    for field in dataclasses.fields(Subject):
        same = _same(getattr(before, field.name), getattr(after, field.name))
        assert same == (field.name not in changed), field.name


def test_a_shared_error_scales_every_flip_angle_and_nothing_else() -> None:
    before, after = _draw(HONEST, 2), _draw(replace(HONEST, b1_error=-0.1), 2)
    assert after.b1 == pytest.approx(0.9 * before.b1)
    for field in dataclasses.fields(Subject):
        if field.name != "b1":
            assert _same(getattr(before, field.name), getattr(after, field.name)), field.name


def test_an_easy_subject_is_the_atlas_before_a_perfect_scanner(head: Head) -> None:
    subject = _draw(IMRD_EASY.spread, 1)
    assert _same(Anatomy.of(head, subject).positions, head.positions)
    assert (subject.gain, subject.b1, subject.off_resonance_hz, subject.linewidth_hz) == (1, 1, 0, 0)
    assert _same(subject.t1_factor, 1 + np.zeros(6))


@pytest.mark.parametrize("spread", [IMRD_EASY.spread, HONEST], ids=["easy", "honest"])
def test_the_maps_hold_the_lesions_that_were_drawn(head: Head, spread: Spread) -> None:
    cases = 0
    for number in range(8):
        subject = _draw(spread, number)
        volumes = Anatomy.of(head, subject).volumes
        assert volumes[LESION].sum() == pytest.approx(subject.lesion_ml, abs=1e-9)
        assert volumes[HYPERINTENSITY].sum() == pytest.approx(subject.hyperintensity_ml, abs=1e-9)
        assert volumes.min() >= 0
        cases += subject.lesion_ml > 0
    assert 0 < cases < 8


def test_lesions_take_their_volume_from_white_matter_alone(head: Head) -> None:
    ill = replace(_draw(HONEST, 0), lesion_ml=20.0, hyperintensity_ml=0.0)
    well = replace(ill, lesion_ml=0.0)
    change = Anatomy.of(head, ill).volumes - Anatomy.of(head, well).volumes
    assert change.sum(1) == pytest.approx([-20.0, 0, 0, 0, 20.0, 0], abs=1e-9)


def test_lesions_lie_near_the_ventricles(head: Head) -> None:
    white = head.ventricle_mm[head.fractions[WHITE] > 0.5].mean()
    places = []
    for number in range(10):
        ill = replace(_draw(HONEST, number), lesion_ml=2.0, hyperintensity_ml=0.0)
        places.append(np.average(head.ventricle_mm, weights=Anatomy.of(head, ill).volumes[LESION]))
    assert np.mean(places) < white - 5


def test_atrophy_turns_grey_matter_into_csf_and_widens_the_ventricles(head: Head) -> None:
    still = replace(_draw(IMRD_EASY.spread, 0), lesion_ml=0.0)
    before = Anatomy.of(head, still).volumes
    after = Anatomy.of(head, replace(still, atrophy=0.1)).volumes
    ventricles = before[CSF, head.ventricle_mm == 0].sum()
    near = head.ventricle_mm < 20
    grown = (after - before)[:, near].sum(1)
    assert after.sum(0) == pytest.approx(before.sum(0))
    assert after[GREY].sum() < 0.9 * before[GREY].sum()
    assert (after[CSF] - before[CSF]).sum() == pytest.approx(0.1 * before[GREY].sum() + ventricles, rel=1e-9)
    assert grown[WHITE] < 0 < grown[CSF]


def test_size_and_warp_change_volumes_as_their_determinant(head: Head) -> None:
    easy = replace(_draw(IMRD_EASY.spread, 0), lesion_ml=0.0)
    whole = Anatomy.of(head, easy).volumes.sum()
    larger = Anatomy.of(head, replace(easy, scale=np.array([1.1, 1.0, 0.9]))).volumes.sum()
    assert larger == pytest.approx(1.1 * 0.9 * whole)
    turned = Anatomy.of(head, replace(easy, rotation=_draw(HONEST, 1).rotation))
    assert turned.volumes.sum() == pytest.approx(whole)
    lengths = np.linalg.norm(turned.positions, axis=1)
    assert lengths == pytest.approx(np.linalg.norm(head.positions, axis=1))


def test_the_warps_slope_is_the_displacements_derivative(head: Head) -> None:
    coefficients = _draw(HONEST, 4).warp_mm
    displacement, slope = head.warp.displace(coefficients)
    one = np.flatnonzero((np.abs(head.positions - [0.0, 0.0, 20.0]) < 2.1).all(1))[0]
    for axis in range(3):
        step = 4.0 * (np.arange(3) == axis)
        ahead, behind = (
            np.flatnonzero((np.abs(head.positions - (head.positions[one] + sign * step)) < 1e-6).all(1))[0]
            for sign in (1, -1)
        )
        numeric = (displacement[ahead] - displacement[behind]) / 8.0
        assert slope[axis, one] == pytest.approx(numeric, rel=0.02, abs=2e-4)


def test_the_warp_has_the_size_it_says(head: Head) -> None:
    squares = [head.warp.displace(_draw(HONEST, number).warp_mm)[0] ** 2 for number in range(40)]
    assert np.sqrt(np.mean(squares)) == pytest.approx(HONEST.warp_mm, rel=0.15)


def test_a_warp_that_folds_the_head_is_refused(head: Head) -> None:
    with pytest.raises(BadInput, match="folds"):
        Anatomy.of(head, _draw(replace(HONEST, warp_mm=60.0), 0))


def test_more_lesions_than_white_matter_are_refused(head: Head) -> None:
    with pytest.raises(BadInput, match="white matter"):
        Anatomy.of(head, replace(_draw(HONEST, 0), lesion_ml=2000.0))


@pytest.mark.parametrize(
    "change",
    [
        {"gain_cv": -0.1},
        {"lesion_ml": (3.0, 1.0)},
        {"lesion_ml": (1.0,)},
        {"b1_cv": float("nan")},
        {"b1_error": -1.0},
    ],
)
def test_impossible_spreads_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"below 0|lesion loads|no flip angle"):
        replace(HONEST, **change)


def test_projections_keep_every_millilitre_and_its_place(head: Head) -> None:
    anatomy = Anatomy.of(head, _draw(HONEST, 7))
    direction = np.array([0.6, 0.0, 0.8])
    places, volumes = anatomy.profiles(direction)
    assert volumes.sum(1) == pytest.approx(anatomy.volumes.sum(1))
    assert volumes @ places == pytest.approx(anatomy.volumes @ (anatomy.positions @ direction), rel=1e-9)
