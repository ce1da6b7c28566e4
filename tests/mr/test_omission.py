"""What a signal lacks, and what stands in its place."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgemed.mr.omission import Omitted, filled, mean_signal, omission

SHAPE = (3, 32, 8)
KINDS: tuple[Omitted, ...] = ("samples", "echoes", "block")
SHARES = (0.1, 0.2, 0.4, 0.6)


def _gone(kind: Omitted, share: float, number: int = 0, seed: int = 1) -> np.ndarray:
    return omission(kind, share, SHAPE, seed=seed, number=number)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", SHARES)
def test_the_share_that_is_gone_is_the_one_asked_for(kind: Omitted, share: float) -> None:
    gone = _gone(kind, share)
    assert gone.shape == SHAPE
    assert gone.mean() == pytest.approx(share, abs=0.5 / 96)


@pytest.mark.parametrize("kind", KINDS)
def test_an_omission_repeats_and_each_head_has_its_own(kind: Omitted) -> None:
    again, other, seed = (_gone(kind, 0.2, *who) for who in ((0, 1), (1, 1), (0, 2)))
    assert (_gone(kind, 0.2) == again).all()
    assert (again != other).any()
    assert (again != seed).any()


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_larger_share_the_same_is_gone_and_more(kind: Omitted) -> None:
    for number in range(20):
        masks = [_gone(kind, share, number) for share in SHARES]
        for less, more in itertools.pairwise(masks):
            assert (more | ~less).all()


@pytest.mark.parametrize("kind", ["echoes", "block"])
def test_echoes_go_whole(kind: Omitted) -> None:
    gone = _gone(kind, 0.4)
    assert (gone.all(2) == gone.any(2)).all()


def test_a_block_is_one_piece_in_the_order_of_acquisition() -> None:
    starts = set()
    for number in range(20):
        echoes = _gone("block", 0.2, number)[:, :, 0].reshape(-1)
        places = np.flatnonzero(echoes)
        assert (np.diff(places) == 1).all()
        starts.add(int(places[0]))
    assert len(starts) > 10


def test_echoes_at_random_are_no_block() -> None:
    assert (np.diff(np.flatnonzero(_gone("echoes", 0.2)[:, :, 0].reshape(-1))) > 1).any()


@pytest.fixture
def template() -> np.ndarray:
    random = np.random.default_rng(3)
    return random.standard_normal((*SHAPE, 2)) + 1j * random.standard_normal((*SHAPE, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_a_multiple_of_the_mean_signal_is_filled_exactly(template: np.ndarray, kind: Omitted) -> None:
    signal = (2.5 * np.exp(0.7j) * template).astype(np.complex64)
    gone = _gone(kind, 0.6)
    spoilt = np.where(gone[..., None], np.complex64(99), signal)
    assert filled(spoilt, gone, template) == pytest.approx(signal, rel=1e-5)


def test_what_is_left_stays_bit_for_bit(template: np.ndarray) -> None:
    random = np.random.default_rng(4)
    signal = (template + 0.1 * random.standard_normal(template.shape)).astype(np.complex64)
    gone = _gone("samples", 0.4)
    whole = filled(signal, gone, template)
    assert whole.dtype == np.complex64
    assert whole[~gone].tobytes() == signal[~gone].tobytes()
    assert (whole[gone] != signal[gone]).all()


def test_the_multiple_is_the_best_that_the_rest_allows(template: np.ndarray) -> None:
    random = np.random.default_rng(5)
    signal = (template + 0.5 * random.standard_normal(template.shape)).astype(np.complex64)
    gone = _gone("echoes", 0.4)
    used = (filled(signal, gone, template) / template)[gone]
    columns, rest = template[~gone].reshape(-1, 1), signal[~gone].reshape(-1)
    best = np.linalg.lstsq(columns, rest.astype(np.complex128), rcond=None)[0]
    assert used == pytest.approx(np.full(used.shape, best[0]), rel=1e-5)


def test_the_mean_forgets_phases_and_keeps_amplitudes() -> None:
    random = np.random.default_rng(6)
    one = np.abs(random.standard_normal((*SHAPE, 1))) + 0.1j * random.standard_normal((*SHAPE, 1))
    turns = np.exp(1j * np.array([0.0, 1.0, 2.5]))[:, None, None, None, None]
    signals = (np.array([1.0, 2.0, 3.0])[:, None, None, None, None] * turns * one).astype(np.complex64)
    phase = np.exp(-1j * np.angle(one[0, 0].sum()))
    assert mean_signal(signals) == pytest.approx(2.0 * phase * one, rel=1e-5)
