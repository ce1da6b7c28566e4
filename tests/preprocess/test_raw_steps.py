"""Raw-signal steps: each against complex arithmetic in numpy, in every opset and with several coils."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.preprocess import tensor_spec
from edgemed.types import Acquisition, InputSpec, Step

SHOTS, ECHOES, SAMPLES, COILS = 3, 8, 12, 2
SPEC = InputSpec("signal", "float32", (SHOTS, ECHOES, SAMPLES, COILS, 2), "TESKQ")


@pytest.fixture
def signals():
    """(5, shots, echoes, samples, coils) complex128: decaying echoes of coils with phases of their own."""
    random = np.random.default_rng(3)
    decay = np.exp(-np.arange(ECHOES) / 4)[:, None, None]
    coil = np.array([1.0, 0.6 * np.exp(1j)])
    noise = random.normal(size=(2, 5, SHOTS, ECHOES, SAMPLES, COILS))
    return decay * coil + 0.1 * (noise[0] + 1j * noise[1])


@pytest.fixture
def through(run_front, signals):
    def run(*steps, opset=18):
        batch = np.stack([signals.real, signals.imag], -1).astype(np.float32)
        found = run_front(SPEC, [Step(op, args) for op, args in steps], batch, opset)
        return found[..., 0] + 1j * found[..., 1] if found.shape[-1] == 2 else found

    return run


def near(found, expected):
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("opset", [11, 13, 18, 20])
def test_all_of_them_after_one_another(through, signals, opset):
    steps = [
        ("remove_dc", {"last_echoes": 2}),
        ("phase_reference", {"echoes": 2}),
        ("combine_coils", {}),
        ("amplitude", {"echoes": 2}),
        ("dft", {}),
        ("taper", {"window": "hamming"}),
        ("average_echoes", {"every": 2}),
        ("decimate", {"factor": 2, "taps": 17}),
        ("iq_channels", {}),
    ]
    found = through(*steps, opset=opset)
    x = signals - signals[:, :, -2:].mean((2, 3), keepdims=True)
    first = x[:, :1, :2].mean((1, 2, 3), keepdims=True)
    x = (x * np.exp(-1j * np.angle(first))).sum(-1, keepdims=True) / np.sqrt(2)
    x = x / np.abs(x[:, :1, :2].mean((1, 2, 3), keepdims=True))
    x = np.fft.fftshift(np.fft.fft(np.fft.ifftshift(x, 3), axis=3, norm="ortho"), 3)
    x = x * np.hamming(SAMPLES)[:, None]
    x = x.reshape(5, SHOTS, 4, 2, SAMPLES, 1).mean(3)
    assert found.shape == (5, 2, SHOTS * 4 * SAMPLES // 2)
    both = found[:, 0] + 1j * found[:, 1]
    near(both.reshape(5, SHOTS, 4, SAMPLES // 2), _decimated(x[..., 0], 2, 17))


def _decimated(x, factor, taps):
    """Sample by sample."""
    kept = []
    for centre in range((factor - 1) // 2, x.shape[-1], factor):
        inside = [n for n in range(-(taps // 2), taps // 2 + 1) if 0 <= centre + n < x.shape[-1]]
        hamming = [0.54 + 0.46 * np.cos(2 * np.pi * n / (taps - 1)) for n in inside]
        weights = np.sinc(np.array(inside) / factor) * hamming
        kept.append(x[..., [centre + n for n in inside]] @ weights / weights.sum())
    return np.stack(kept, -1)


def test_coils_are_turned_and_weighted(through, signals):
    found = through(("combine_coils", {"gains": [0.5, 2.0], "phases_deg": [0.0, 90.0]}))
    near(found[..., 0], 0.5 * signals[..., 0] + 2j * signals[..., 1])


def test_coils_of_opposite_phase_cancel_unless_each_has_its_reference(run_front, signals):
    pair = np.concatenate([signals[..., :1], -signals[..., :1]], -1)
    batch = np.stack([pair.real, pair.imag], -1).astype(np.float32)
    assert np.abs(run_front(SPEC, [Step("combine_coils")], batch)).max() < 1e-6
    kept = run_front(SPEC, [Step("phase_reference"), Step("combine_coils")], batch)
    near(np.abs(kept[..., 0, 0] + 1j * kept[..., 0, 1]), np.sqrt(2) * np.abs(signals[..., 0]))


def test_the_offset_is_what_is_left_at_the_end(through, signals):
    near(through(("remove_dc", {"last_echoes": 3})), signals - signals[:, :, -3:].mean((2, 3), keepdims=True))


def test_the_reference_becomes_real_in_every_coil(through, signals):
    found = through(("phase_reference", {"echoes": 1, "samples": 4}))
    reference = signals[:, :1, :1, 4:8].mean((1, 2, 3), keepdims=True)
    near(found, signals * reference.conj() / np.abs(reference))
    np.testing.assert_allclose(found[:, 0, 0, 4:8].mean(1).imag, 0, atol=1e-6)


def test_the_reference_has_magnitude_one(through, signals):
    found = through(("amplitude", {"echoes": 2, "samples": 3}))
    reference = signals[:, :1, :2, 5:8].mean((1, 2, 3), keepdims=True)
    near(found, signals / np.sqrt((np.abs(reference) ** 2).mean(-1, keepdims=True)))


def test_gain_and_phase_of_the_receiver_go_away(run_front, signals):
    steps = [Step("phase_reference"), Step("amplitude")]
    receivers = (signals[:1] * factor for factor in (1.0, 3e-5 * np.exp(2j), 4e4 * np.exp(-1j)))
    batch = np.concatenate([np.stack([each.real, each.imag], -1) for each in receivers]).astype(np.float32)
    found = run_front(SPEC, steps, batch)
    near(found[1], found[0])
    near(found[2], found[0])


def test_silence_stays_silence(run_front):
    steps = [Step("phase_reference"), Step("amplitude")]
    assert not run_front(SPEC, steps, np.zeros((1, *SPEC.shape), np.float32)).any()


@pytest.mark.parametrize("along", ["sample", "echo"])
def test_the_transform_is_numpys(through, signals, along):
    axis = 3 if along == "sample" else 2
    shifted = np.fft.fft(np.fft.ifftshift(signals, axis), axis=axis, norm="ortho")
    near(through(("dft", {"along": along})), np.fft.fftshift(shifted, axis))


@pytest.mark.parametrize("along", ["sample", "echo"])
def test_windows_fall_to_their_ends(through, signals, along):
    weights = np.hanning(SAMPLES)[:, None] if along == "sample" else np.hanning(15)[7:, None, None]
    near(through(("taper", {"window": "hann", "along": along})), signals * weights)


def test_echoes_are_averaged_in_order(through, signals):
    near(
        through(("average_echoes", {"every": 4})),
        np.stack([signals[:, :, :4].mean(2), signals[:, :, 4:].mean(2)], 2),
    )


def test_decimation_keeps_what_is_slow_and_loses_what_would_alias(run_front):
    n = np.arange(256)
    tones = np.stack([np.exp(2j * np.pi * share * n) for share in (0.0, 0.02, 0.25, 0.4)])
    spec = InputSpec("signal", "float32", (1, 1, 256, 1, 2), "TESKQ")
    batch = np.stack([tones.real, tones.imag], -1).reshape(4, 1, 1, 256, 1, 2).astype(np.float32)
    found = run_front(spec, [Step("decimate", {"factor": 4, "taps": 65})], batch)[:, 0, 0, :, 0]
    kept = (found[..., 0] + 1j * found[..., 1])[:, 8:-8]
    np.testing.assert_allclose(kept[:2], tones[:2, ::4][:, 8:-8], atol=5e-3)
    assert np.abs(kept[2:]).max() < 5e-3


@pytest.mark.parametrize("echoes", ["length", "channels"])
@pytest.mark.parametrize("shots", ["length", "channels"])
def test_channels_are_i_and_q_of_each_coil(through, signals, shots, echoes):
    found = through(("iq_channels", {"shots": shots, "echoes": echoes}))
    both = np.stack([signals.real, signals.imag])  # q n t e s k
    own = ("t" if shots == "channels" else "") + ("e" if echoes == "channels" else "")
    left = "".join(axis for axis in "tes" if axis not in own)
    ordered = np.einsum(f"qntesk->n{own}qk{left}", both)
    near(found, ordered.reshape(5, math.prod(ordered.shape[1 : 3 + len(own)]), -1))


@pytest.mark.parametrize(
    ("op", "args", "says"),
    [
        ("combine_coils", {"gains": [1.0]}, "1 numbers for 2 coils"),
        ("remove_dc", {"last_echoes": 9}, "a shot has 8"),
        ("remove_dc", {"last_echoes": 0}, "below 1"),
        ("phase_reference", {"echoes": 9}, "there are 8"),
        ("amplitude", {"samples": 13}, "there are 12"),
        ("decimate", {"factor": 5}, "not a multiple of factor = 5"),
        ("decimate", {"factor": 2, "taps": 4}, "not an odd number"),
        ("average_echoes", {"every": 3}, "not a multiple of every = 3"),
        ("taper", {"window": "boxcar"}, "not allowed"),
        ("resize", {"size": [3, 8, 6, 2, 2]}, "for pictures and volumes"),
        ("window", {"level": 0, "width": 1}, "for pictures and volumes"),
        ("gray_to_rgb", {}, "takes a picture"),
        ("layout", {"to": "CL"}, "the axes are not the same"),
    ],
)
def test_what_does_not_fit_is_refused(op, args, says):
    with pytest.raises(BadInput, match=says):
        tensor_spec(SPEC, [Step(op, args)])


@pytest.mark.parametrize("window", ["hann", "blackman"])
def test_a_window_that_leaves_nothing_is_refused(window):
    shapes = {samples: (1, 1, samples, 1, 2) for samples in (1, 2, 3)}
    specs = {samples: InputSpec("x", "float32", shape, "TESKQ") for samples, shape in shapes.items()}
    step = Step("taper", {"window": window})
    with pytest.raises(BadInput, match=f"{window} is 0 at its ends, and 2 samples") as caught:
        tensor_spec(specs[2], [step])
    assert "hamming" in caught.value.remedy
    for samples in (1, 3):
        assert tensor_spec(specs[samples], [step]).shape == shapes[samples]


@pytest.mark.parametrize(
    "step", [Step("average_echoes", {"every": 4}), Step("crop", {"size": [SHOTS, 2, SAMPLES, COILS, 2]})]
)
def test_fewer_echoes_are_no_longer_those_of_the_acquisition(step):
    taken = Acquisition(1e-3, 2e6, tuple(0.01 * (echo + 1) for echo in range(ECHOES)), "train")
    after = tensor_spec(replace(SPEC, acquisition=taken), [step])
    assert after.shape == (SHOTS, 2, SAMPLES, COILS, 2)
    assert after.acquisition is None


def test_they_take_raw_signals_only():
    with pytest.raises(BadInput, match="takes a raw MR signal") as caught:
        tensor_spec(InputSpec("x", "float32", (2, 64), "CL"), [Step("dft")])
    assert "TESKQ" in caught.value.remedy
