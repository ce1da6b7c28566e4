"""The simulated raw MR signals: repeatable, and they obey the physics they claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgemed.demo import simulated_mr
from edgemed.demo.head import Head, load_head
from edgemed.demo.simulated_mr import Setting, simulate
from edgemed.mr.tissue import LESION, ORDER

QUIET = Setting(snr=1e9, relaxation_spread=0.0, volume_spread=0.0)


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def _complex(signals: np.ndarray) -> np.ndarray:
    joined = signals[:, 0].astype(np.float64) + 1j * signals[:, 1]
    return joined.reshape(len(joined), simulated_mr.SHOTS, simulated_mr.ECHOES, simulated_mr.SAMPLES)


def test_the_head_has_a_brain_of_plausible_volume(head: Head):
    volumes = dict(zip(ORDER[:LESION], head.profiles[0].sum(1), strict=True))
    assert 400 < volumes["white matter"] < 900
    assert 700 < volumes["grey matter"] < 1300
    assert 100 < volumes["CSF"] < 600
    assert [p.sum() for p in head.profiles] == pytest.approx([head.profiles[0].sum()] * 3)
    assert head.site_odds.sum() == pytest.approx(1.0)


def test_lesion_sites_lie_within_the_brain(head: Head):
    assert np.abs(head.sites).max() < 80.0


def test_signals_repeat_with_the_seed(head: Head):
    first, again, other = (simulate(head, 20, seed, Setting()) for seed in (1, 1, 2))
    assert first.signals.shape == (20, 2, 1024)
    assert first.signals.dtype == np.float32
    assert np.array_equal(first.signals, again.signals)
    assert not np.array_equal(first.signals, other.signals)


def test_labels_say_which_heads_have_ms_lesions(head: Head):
    setting = Setting()
    made = simulate(head, 200, 3, setting)
    ill = made.labels == 1
    assert 60 < ill.sum() < 140
    assert made.lesion_ml[ill].min() >= setting.lesion_ml[0]
    assert made.lesion_ml[~ill].max() <= setting.control_ml[1]


def test_the_noise_has_the_stated_snr(head: Head):
    quiet, noisy = (_complex(simulate(head, 60, 4, Setting(snr=snr)).signals) for snr in (1e9, 200.0))
    peak = np.abs(quiet[:, 0, 0]).max(1)
    noise = np.sqrt((np.abs(noisy - quiet) ** 2).mean((1, 2, 3)))
    assert peak / noise == pytest.approx(200.0, rel=0.05)


def test_the_echo_peaks_decay_as_the_sum_of_the_tissues(head: Head):
    made = simulate(head, 5, 5, replace(QUIET, lesion_ml=(1e-6, 2e-6), control_ml=(1e-6, 2e-6)))
    peaks = np.abs(_complex(made.signals)[..., simulated_mr.SAMPLES // 2])
    volumes = head.profiles[0].sum(1)
    echo_ms = simulated_mr.ECHO_SPACING_MS * np.arange(1, simulated_mr.ECHOES + 1)
    start = volumes * simulated_mr.PROTON_DENSITY[:LESION]
    start *= 1.0 - np.exp(-simulated_mr.RECOVERY_MS / simulated_mr.T1_MS[:LESION])
    expected = (start[:, None] * np.exp(-echo_ms / simulated_mr.T2_MS[:LESION, None])).sum(0)
    assert peaks[:, 0] / peaks[:, 0, :1] == pytest.approx(np.tile(expected / expected[0], (5, 1)), rel=1e-4)


def test_lesions_lengthen_the_decay(head: Head):
    large, none = (
        simulate(head, 40, 6, replace(QUIET, lesion_ml=ml, control_ml=ml)) for ml in ((40, 41), (1e-6, 2e-6))
    )
    late = [
        np.abs(_complex(made.signals)[:, 0, 6, 16]) / np.abs(_complex(made.signals)[:, 0, 0, 16])
        for made in (large, none)
    ]
    assert (late[0] > late[1]).mean() > 0.9


def test_the_setting_is_told_in_words():
    text = Setting(snr=1234.0).describe()
    assert "SNR 1234" in text
    assert "3-40 mL" in text
