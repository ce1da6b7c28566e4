"""Simulated signals: they repeat, they obey the physics they claim, and their noise is what was asked for."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.mr.head import Head, load_head
from edgemed.mr.protocol import PROTOCOL_A, PROTOCOL_B
from edgemed.mr.simulate import SimulatedSignals, add_noise, clean_signal, simulate, tissue_echoes
from edgemed.mr.spread import Spread
from edgemed.mr.subject import Subject
from edgemed.mr.task import IMRD_EASY, IMRD_HONEST, TASKS, Task, find_task
from edgemed.mr.tissue import TISSUES
from edgemed.types import RawSignal

HONEST_A = replace(IMRD_HONEST, protocol=PROTOCOL_A)
EASY_B = replace(IMRD_EASY, protocol=PROTOCOL_B)


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def _draw(spread: Spread, number: int = 0) -> Subject:
    return Subject.draw(spread, np.random.SeedSequence(3, spawn_key=(number,)))


def _arrays(signals: SimulatedSignals) -> dict[str, np.ndarray]:
    fields = {f.name: getattr(signals, f.name) for f in dataclasses.fields(signals)}
    return {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("task", [IMRD_HONEST, HONEST_A, IMRD_EASY], ids=["honest", "honest A", "easy"])
def test_batches_joined_are_bit_for_bit_the_whole(task: Task) -> None:
    whole = _arrays(simulate(task, 7, 11, keep_clean=True))
    parts = [_arrays(simulate(task, n, 11, first=f, keep_clean=True)) for f, n in ((0, 1), (1, 4), (5, 2))]
    for name, values in whole.items():
        assert values.tobytes() == np.concatenate([part[name] for part in parts]).tobytes(), name


def test_another_process_makes_the_same_bits() -> None:
    code = (
        "import sys; from edgemed.mr.simulate import simulate; from edgemed.mr.task import IMRD_HONEST;"
        "sys.stdout.buffer.write(simulate(IMRD_HONEST, 2, 5).signals.tobytes())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert there == simulate(IMRD_HONEST, 2, 5).signals.tobytes()


def test_another_seed_gives_other_signals() -> None:
    one, other = (simulate(HONEST_A, 2, seed).signals for seed in (1, 2))
    assert not np.isclose(one, other).any()


def test_signals_have_the_form_of_the_protocol() -> None:
    made = simulate(IMRD_HONEST, 3, 0)
    assert (made.signals.shape, made.signals.dtype) == ((3, 3, 32, 32, 1), np.complex64)
    RawSignal(made.signals[0], made.acquisition)
    assert (made.lesion.dtype, made.lesion_ml.dtype) == (np.uint8, np.float64)
    assert made.clean is None


def test_without_noise_all_controls_of_the_easy_task_are_one_signal() -> None:
    made = simulate(IMRD_EASY, 8, 1, first=2, keep_clean=True)
    assert made.subject.tolist() == list(range(2, 10))
    assert made.clean is not None
    controls = made.clean[made.lesion == 0]
    assert len(controls) > 1
    assert (controls == controls[0]).all()


def test_controls_have_no_lesions_and_cases_no_hyperintensities() -> None:
    made = simulate(HONEST_A, 16, 4)
    cases = made.lesion == 1
    assert 2 < cases.sum() < 14
    assert not made.lesion_ml[~cases].any()
    assert made.hyperintensity_ml[~cases].min() > 0
    assert not made.hyperintensity_ml[cases].any()


@pytest.mark.parametrize("task", [IMRD_EASY, IMRD_HONEST], ids=["A", "B"])
def test_the_noise_has_the_snr_that_was_asked_for(task: Task) -> None:
    made = simulate(replace(task, snr=50.0), 4, 2, keep_clean=True)
    noise = made.signals - made.clean
    first = np.abs(made.clean[:, 0, 0]).max((1, 2))
    assert first / np.sqrt((np.abs(noise) ** 2).mean((1, 2, 3, 4))) == pytest.approx(50.0, rel=0.05)
    both = noise.real.std(), noise.imag.std()
    assert both[0] == pytest.approx(both[1], rel=0.1)


def test_noise_added_later_is_the_noise_of_the_simulation() -> None:
    made = simulate(HONEST_A, 3, 2, first=4, keep_clean=True)
    assert add_noise(made.clean, HONEST_A.snr, 2, first=4).tobytes() == made.signals.tobytes()


def test_the_first_echo_is_the_whole_head_in_both_protocols(head: Head) -> None:
    subject = _draw(IMRD_EASY.spread)
    a, b = clean_signal(IMRD_EASY, head, subject), clean_signal(EASY_B, head, subject)
    assert b[:, :, 16, 0] == pytest.approx(a[:, :, 4, 0], rel=1e-12)
    assert np.abs(b[0, 0]).argmax() == 16


def test_a_perfect_head_decays_as_the_sum_of_its_tissues(head: Head) -> None:
    subject = replace(_draw(IMRD_EASY.spread), lesion_ml=0.0)
    signal = clean_signal(IMRD_EASY, head, subject)
    volumes = 0.064 * head.fractions.sum(1)
    times = np.array(IMRD_EASY.protocol.acquisition.echo_times_s)
    expected = sum(
        1e-3 * volume * tissue.proton_density * np.exp(-times / tissue.t2_s)
        for volume, tissue in zip(volumes, TISSUES, strict=False)
    )
    assert signal[0, :, :, 0] == pytest.approx(np.tile(expected[:, None], 8), rel=1e-9)


def test_magnetisation_is_carried_from_shot_to_shot() -> None:
    echoes = tissue_echoes(PROTOCOL_A, TISSUES, _draw(IMRD_EASY.spread))
    t1_s = np.array([tissue.t1_s for tissue in TISSUES])
    t2_s = np.array([tissue.t2_s for tissue in TISSUES])
    starts = echoes[:, 0] / np.exp(-0.015 / t2_s)
    # half turns every 15 ms keep what is longitudinal near 0 to the train's end, so recovery starts there
    before = 1 - np.exp(-(1.0 - 0.48) / t1_s)
    assert starts[0] == pytest.approx(1.0)
    assert starts[1] == pytest.approx(1 - (1 + before) * np.exp(-0.19 / t1_s), abs=0.02)
    before = 1 - np.exp(-(1.0 - 0.48 - 0.19) / t1_s)
    assert starts[2] == pytest.approx(1 - (1 + before) * np.exp(-0.4 / t1_s), abs=0.02)


def test_a_shifted_head_turns_the_phase_along_the_readout(head: Head) -> None:
    subject = _draw(IMRD_EASY.spread)
    moved = replace(subject, shift_mm=np.array([12.0, 0.0, 0.0]))
    here, there = clean_signal(EASY_B, head, subject), clean_signal(EASY_B, head, moved)
    turn = np.exp(-2j * np.pi * 12.0 * PROTOCOL_B.sample_times_s / (PROTOCOL_B.dwell_s * 320.0))
    assert there[0, 0, :, 0] == pytest.approx(here[0, 0, :, 0] * turn, rel=1e-9, abs=1e-9)
    assert there[0, 1] == pytest.approx(here[0, 1], rel=1e-9, abs=1e-12)


def test_b0_errors_leave_the_middle_of_an_echo_and_damp_its_ends(head: Head) -> None:
    subject = _draw(IMRD_EASY.spread)
    clean = clean_signal(IMRD_EASY, head, subject)[0, :, :, 0]
    away = replace(
        subject, off_resonance_hz=30.0, linewidth_hz=20.0, b0_gradient_hz_per_mm=np.array([0.2, 0.1, 0.0])
    )
    changed = clean_signal(IMRD_EASY, head, away)[0, :, :, 0]
    assert changed[:, 4] == pytest.approx(clean[:, 4], rel=1e-9)
    assert (np.abs(changed[:, 0]) < 0.8 * clean[:, 0].real).all()
    only_line = clean_signal(IMRD_EASY, head, replace(subject, linewidth_hz=20.0))[0, :, :, 0]
    damped = np.exp(-2 * np.pi * 20.0 * np.abs(PROTOCOL_A.sample_times_s))
    assert only_line == pytest.approx(clean * damped, rel=1e-9)


def test_gain_and_phase_multiply_the_signal(head: Head) -> None:
    subject = _draw(IMRD_EASY.spread)
    turned = replace(subject, gain=1.3j)
    assert clean_signal(IMRD_EASY, head, turned) == pytest.approx(
        1.3j * clean_signal(IMRD_EASY, head, subject), rel=1e-12
    )


def test_lesions_lengthen_the_decay(head: Head) -> None:
    well = replace(_draw(IMRD_EASY.spread), lesion_ml=0.0)
    without, with_lesions = (
        clean_signal(IMRD_EASY, head, replace(well, lesion_ml=ml))[0, :, 4, 0].real for ml in (0.0, 30.0)
    )
    assert (with_lesions > without).all()
    assert with_lesions[8] / with_lesions[0] > without[8] / without[0]


def test_a_task_is_told_in_one_sentence() -> None:
    text = IMRD_HONEST.describe()
    assert text.startswith("SIMULATED imrd-honest")
    assert text.count(". ") == 0
    for word in ("SNR 1000", "0.5-30 mL", "unseen anatomies", "spread by 2.0%", "median 0.3 mL", "gain 10%"):
        assert word in text
    turned = replace(IMRD_HONEST, spread=replace(IMRD_HONEST.spread, b1_error=-0.1)).describe()
    assert turned == text.removesuffix(".") + ", every flip angle -10.0% off."
    easy = IMRD_EASY.describe()
    for word in ("one anatomy", "fixed relaxation times", "clean controls", "known gain"):
        assert word in easy


def test_tasks_survive_json() -> None:
    for task in TASKS.values():
        assert Task.from_json(task.to_json()) == task


def test_another_field_needs_its_own_relaxation_times() -> None:
    protocol = replace(PROTOCOL_A, field_t=0.1)
    with pytest.raises(BadInput, match=r"of 0\.05 T"):
        replace(IMRD_EASY, protocol=protocol)
    tissues = tuple(replace(tissue, field_t=0.1, t1_s=1.2 * tissue.t1_s) for tissue in TISSUES)
    made = simulate(replace(IMRD_EASY, protocol=protocol, tissues=tissues), 1, 0)
    assert made.acquisition.larmor_frequency_hz == pytest.approx(4.257748e6, rel=1e-6)


def test_an_unknown_task_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput) as error:
        find_task("imrd-hones")
    assert "imrd-honest" in str(error.value)
    assert find_task("imrd-easy", PROTOCOL_B) == EASY_B


@pytest.mark.parametrize("request_", [(0, 0, 0), (1, -1, 0), (1, 0, -1)])
def test_impossible_requests_are_refused(request_: tuple[int, int, int]) -> None:
    count, seed, first = request_
    with pytest.raises(BadInput, match="expected at least 1"):
        simulate(IMRD_EASY, count, seed, first=first)


def test_missing_tissue_maps_name_what_installs_them() -> None:
    code = (
        "import sys, importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'nilearn' else find(name, *rest);"
        "from edgemed.mr.head import load_head; load_head()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'edgemed[mr]'" in ended.stderr
