"""The input contract of raw MR signals: what is no such signal, or another one, is refused by name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.runtime.signal_check import check_signals
from edgemed.stages.signal_statistics import SignalStatistics
from edgemed.types import Acquisition, InputSpec, RawSignal, Sample

SHOTS, ECHOES, SAMPLES, COILS = 2, 8, 16, 2
ECHO_TIMES_S = tuple(0.015 * (n + 1) for n in range(ECHOES))
ACQUISITION = Acquisition(1e-5, 2.13e6, ECHO_TIMES_S, "IR-CPMG", (0.0, 0.4), (1.0,))
SPEC = InputSpec("signal", "float32", (SHOTS, ECHOES, SAMPLES, COILS, 2), "TESKQ", ACQUISITION)


def signal(seed, gain=1.0, noise=0.02):
    random = np.random.default_rng(seed)
    decay = np.exp(-np.arange(ECHOES) / 3)[:, None, None] * np.array([1.0, 0.5])[:, None, None, None]
    clean = decay * np.exp(1j * random.uniform(0, 6)) * np.ones((SHOTS, ECHOES, SAMPLES, COILS))
    parts = random.normal(scale=noise, size=(2, *clean.shape))
    samples = (gain * (clean + parts[0] + 1j * parts[1])).astype(np.complex64)
    return RawSignal(samples, ACQUISITION).array


def gathered(*steps, spread=0.02, signals=20):
    statistics = SignalStatistics(SPEC, steps)
    for seed in range(signals):
        statistics.add(Sample(str(seed), {"signal": signal(seed, gain=1 + spread * seed)}, {}))
    return statistics.range()


@pytest.fixture(scope="module")
def allowed():
    return gathered("phase_reference", "amplitude", "iq_channels")


def test_without_a_step_that_takes_gain_away_the_gain_must_be_the_calibration_sets():
    held = gathered("phase_reference", "iq_channels", spread=0.001)
    check_signals(SPEC, held, np.stack([signal(40), signal(41, 1.02)]))
    for gain in (0.9, 1.1):
        with pytest.raises(BadInput, match=r"root mean square is .*, expected"):
            check_signals(SPEC, held, signal(42, gain)[np.newaxis])
        check_signals(SPEC, gathered("amplitude", spread=0.001), signal(42, gain)[np.newaxis])


def test_z_score_does_not_take_the_gain_of_a_faint_signal_away():
    # (x - mean) / (std + eps): in volts std is below eps, and the answer goes with the gain
    assert gathered("z_score", spread=0.001) == gathered("iq_channels", spread=0.001)


def test_amplitudes_that_differ_leave_no_more_room_than_four_deviations():
    """The bounds are the calibration set's spread, not a power of it."""
    random = np.random.default_rng(3)
    statistics = SignalStatistics(SPEC, ("iq_channels",))
    for seed in range(60):
        each = signal(seed, gain=float(np.exp(random.normal(0, 0.1))))
        statistics.add(Sample(str(seed), {"signal": each}, {}))
    low, high = statistics.range().rms
    assert 2 < high / low < 3.5
    few = SignalStatistics(SPEC, ("iq_channels",))
    for seed in range(4):
        few.add(Sample(str(seed), {"signal": signal(seed, gain=1 + 0.02 * seed)}, {}))
    assert few.range().rms[1] / few.range().rms[0] > 1.5


def test_a_signal_that_looks_clipped_may_have_been_simulated_without_noise():
    with pytest.raises(BadInput, match="clipped") as caught:
        check_signals(SPEC, None, np.clip(signal(3), -0.5, 0.5)[np.newaxis])
    for words in ("lower the receiver gain", "simulated signal without noise", "mr simulate --clean"):
        assert words in caught.value.remedy


def test_signals_like_those_of_the_calibration_set_pass(allowed):
    check_signals(
        SPEC, allowed, np.stack([signal(seed, gain) for seed, gain in ((40, 1), (41, 5), (42, 0.2))])
    )


BROKEN = {
    "silent": (lambda x: 0 * x, "every sample is 0"),
    "coil silent": (lambda x: x * np.array([1, 0])[:, None], "every sample of coil 1 is 0"),
    "clipped": (
        lambda x: np.clip(x, -0.5, 0.5),
        "clipped: [0-9]+ of 256 values of [IQ] in coil [01] are at its end, 0.5",
    ),
    "unit": (lambda x: x * 1e6, "root mean square is .*e\\+05, expected"),
    "nothing received": (lambda x: x * 1e-3, "root mean square"),
    "echoes reversed": (lambda x: x[:, ::-1], "the echoes rise and fall otherwise"),
    "shots swapped": (lambda x: x[::-1], "the echoes rise and fall otherwise"),
    "readouts cut short": (
        lambda x: x * (np.arange(SAMPLES) < SAMPLES - 1)[:, None, None],
        "32 of 512 samples are exactly 0, at most 8 are expected",
    ),
    "neighbours exchanged": (
        lambda x: x[:, [0, 1, 2, 3, 5, 4, 6, 7]],
        "echo 5 of shot 0 has 1.3[0-9]+ times the magnitude of the echo before it, expected about 0.7",
    ),
    "half of the echoes": (
        lambda x: x * (np.arange(ECHOES) >= 4)[:, None, None, None],
        "8 echoes hold zeros alone, the first is echo 0",
    ),
    "two's complement": (lambda x: np.where(x == x.min(), -0.51, np.clip(x, -0.51, 0.5)), "clipped:"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_such_signal_is_refused(allowed, name):
    broken, says = BROKEN[name]
    batch = np.stack([signal(1), broken(signal(2)).astype(np.float32)])
    with pytest.raises(BadInput, match=says) as caught:
        check_signals(SPEC, allowed, batch)
    assert caught.value.where == "input signal, case 1 of the batch"
    assert caught.value.remedy


def test_noise_beside_the_signal_is_no_reason_to_refuse(allowed):
    check_signals(SPEC, allowed, signal(3, noise=0.06)[None])


def test_zeros_that_the_calibration_set_has_too_are_no_reason_to_refuse():
    """A scanner may pad its readouts."""
    padded = (np.arange(SAMPLES) < SAMPLES - 2)[:, None, None]
    statistics = SignalStatistics(SPEC, ("amplitude",))
    for seed in range(20):
        statistics.add(Sample(str(seed), {"signal": (signal(seed) * padded).astype(np.float32)}, {}))
    check_signals(SPEC, statistics.range(), (signal(41) * padded).astype(np.float32)[np.newaxis])


def test_a_few_signals_do_not_say_which_echoes_are_in_order():
    assert len(gathered("amplitude", signals=10).ordered) >= ECHOES - 1
    assert gathered("amplitude", signals=9).ordered == ()


def test_where_heads_differ_by_more_than_two_echoes_do_no_order_is_asked_for():
    statistics = SignalStatistics(SPEC, ("amplitude",))
    for seed in range(20):
        each = signal(seed)
        each[:, 2] *= 1 + 0.05 * (seed - 10)
        statistics.add(Sample(str(seed), {"signal": each}, {}))
    allowed = statistics.range()
    assert not {1, 2} & set(allowed.ordered)
    assert {0, 3} < set(allowed.ordered)


def decay(zeros):
    """One shot of one value an echo, real, with 0 in some echoes."""
    parts = np.zeros((1, 40, 1, 1, 2), np.float32)
    parts[0, :, 0, 0, 0] = np.exp(-np.arange(40) / 9)
    parts[0, zeros] = 0
    return parts


def test_a_single_value_may_be_0_and_a_lost_stretch_may_not():
    spec = InputSpec("signal", "float32", (1, 40, 1, 1, 2), "TESKQ")
    check_signals(spec, None, decay([3, *range(33, 40)])[None])
    with pytest.raises(BadInput, match="9 echoes hold zeros alone, the first is echo 32 of shot 0"):
        check_signals(spec, None, decay([3, *range(32, 40)])[None])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dwell_time_s": 5e-6}, "dwell time 5e-06 s, expected 1e-05 s"),
        ({"larmor_frequency_hz": 2.72e6}, "Larmor frequency 2.72e.06 Hz, expected 2.13e.06 Hz"),
        ({"echo_times_s": ACQUISITION.echo_times_s[:-1]}, "7 echo times, expected 8"),
        (
            {"echo_times_s": tuple(2 * t for t in ACQUISITION.echo_times_s)},
            "echo times 0.03 s, expected 0.015 s",
        ),
        ({"protocol": "CPMG"}, "protocol 'CPMG', expected 'IR-CPMG'"),
        ({"inversion_times_s": (0.0, 0.19)}, "inversion times 0.19 s, expected 0.4 s"),
        ({"inversion_times_s": (1e-9, 0.4)}, "inversion times 1e-09 s, expected 0 s"),
        ({"inversion_times_s": None}, "no inversion times are stated, expected 0, 0.4 s"),
        ({"repetition_times_s": (1.0, 1.0)}, "2 repetition times, expected 1"),
        ({"repetition_times_s": None}, "no repetition times are stated, expected 1 s"),
    ],
)
def test_another_acquisition_is_refused(change, says):
    with pytest.raises(BadInput, match=says):
        ACQUISITION.check(dataclasses.replace(ACQUISITION, **change))


def test_an_error_about_an_acquisition_speaks_of_no_artefact_where_there_may_be_none():
    with pytest.raises(BadInput) as caught:
        ACQUISITION.check(dataclasses.replace(ACQUISITION, dwell_time_s=5e-6))
    assert "as in the first file of the set, or in the artefact's contract" in caught.value.remedy


def test_what_the_contract_does_not_state_is_not_compared():
    bare = dataclasses.replace(ACQUISITION, inversion_times_s=None, repetition_times_s=None)
    bare.check(ACQUISITION)
    bare.check(bare)


def test_a_magnet_may_drift():
    ACQUISITION.check(dataclasses.replace(ACQUISITION, larmor_frequency_hz=2.135e6))
