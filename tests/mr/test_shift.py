"""Moved heads: the shift theorem against a simulated head that really lies elsewhere in the magnet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgemed.mr.head import load_head
from edgemed.mr.protocol import PROTOCOL_B
from edgemed.mr.shift import Shift
from edgemed.mr.simulate import clean_signal
from edgemed.mr.subject import Subject
from edgemed.mr.task import IMRD_HONEST

PLACE_MM = PROTOCOL_B.field_of_view_mm / PROTOCOL_B.samples


def _form(signal: np.ndarray) -> np.ndarray:
    """Complex (shots, echoes, samples, coils) to float32 (1, ..., 2)."""
    return np.stack((signal.real, signal.imag), -1)[None].astype(np.float32)


def test_a_moved_signal_is_that_of_a_moved_head() -> None:
    """Off-resonance, line width and the scanner's phase stay; only the head's own B0 gradient must be 0."""
    spread = replace(IMRD_HONEST.spread, b0_gradient_hz_per_mm=0.0)
    task = replace(IMRD_HONEST, spread=spread)
    head = load_head()
    subject = Subject.draw(spread, np.random.SeedSequence(4))
    here = _form(clean_signal(task, head, subject))
    moved = Shift(1.5, 3)(here, np.random.default_rng(9))
    drawn_mm = PLACE_MM * np.random.default_rng(9).normal(0.0, 1.5, 3)
    there = replace(subject, shift_mm=subject.shift_mm + drawn_mm)
    wanted = _form(clean_signal(task, head, there))
    assert np.linalg.norm(here - wanted) > 0.2 * np.linalg.norm(wanted)
    # projections are summed in bins of 3 mm, which is all that is left
    assert np.linalg.norm(moved - wanted) < 0.01 * np.linalg.norm(wanted)


def test_each_head_goes_its_own_way_and_no_sample_changes_its_size() -> None:
    random = np.random.default_rng(0)
    signals = np.repeat(random.normal(size=(1, 2, 6, 8, 2, 2)).astype(np.float32), 3, 0)
    moved = Shift(0.7)(signals, random)
    assert np.linalg.norm(moved, axis=-1) == pytest.approx(np.linalg.norm(signals, axis=-1), rel=1e-5)
    assert not np.isclose(moved[0], moved[1]).all()
    assert moved[:, :, :, 4] == pytest.approx(signals[:, :, :, 4])  # the middle of each echo


def test_echoes_of_one_gradient_move_alike() -> None:
    signals = np.ones((1, 2, 7, 8, 1, 2), np.float32)
    moved = Shift(2.0, 3)(signals, np.random.default_rng(1))[0]
    assert (moved[0] == moved[1]).all()
    for echo in range(4):
        assert (moved[0, echo] == moved[0, echo + 3]).all()
    assert not np.isclose(moved[0, 0], moved[0, 1]).all()


def test_no_shift_leaves_signals_as_they_are() -> None:
    signals = np.ones((2, 1, 2, 4, 1, 2), np.float32)
    assert Shift()(signals, np.random.default_rng(0)) is signals
