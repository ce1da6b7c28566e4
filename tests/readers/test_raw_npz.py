"""One raw signal in an archive."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.readers.raw import read_raw
from edgemed.readers.raw_npz import acquisition_in

SAMPLES = (np.arange(3 * 4 * 8 * 2) * (1 + 2j)).astype(np.complex64).reshape(3, 4, 8, 2)
WHOLE: dict[str, Any] = {
    "signal": SAMPLES,
    "dwell_time_s": 1e-5,
    "larmor_frequency_hz": 2_000_000,
    "echo_times_s": [0.01, 0.02, 0.03, 0.04],
    "protocol": "cpmg",
}


def write(folder: Path, **changes: Any) -> Path:
    arrays = {name: value for name, value in (WHOLE | changes).items() if value is not None}
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def test_a_signal_is_read_bit_for_bit(tmp_path: Path) -> None:
    signal = read_raw(write(tmp_path, label=1))
    np.testing.assert_array_equal(signal.samples, SAMPLES)
    assert signal.header == ""
    assert signal.acquisition.to_dict() == {
        "dwell_time_s": 1e-5,
        "larmor_frequency_hz": 2e6,
        "echo_times_s": [0.01, 0.02, 0.03, 0.04],
        "protocol": "cpmg",
        "inversion_times_s": None,
        "repetition_times_s": None,
    }


def test_inversion_and_repetition_times_are_read_where_they_are_there(tmp_path: Path) -> None:
    path = write(tmp_path, inversion_times_s=[0, 0.19, 0.4], repetition_times_s=1)
    acquisition = read_raw(path).acquisition
    assert acquisition.inversion_times_s == (0.0, 0.19, 0.4)
    assert acquisition.repetition_times_s == (1.0,)


@pytest.mark.parametrize("kept", [np.s_[..., :1], np.s_[:1, ..., :1]])
def test_one_coil_and_then_one_shot_may_be_left_out(tmp_path: Path, kept: Any) -> None:
    signal = SAMPLES[kept]
    squeezed = signal.reshape([length for length in signal.shape if length > 1])
    np.testing.assert_array_equal(read_raw(write(tmp_path, signal=squeezed)).samples, signal)


def test_a_set_of_one_signal_is_that_signal_and_of_two_is_none(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_raw(write(tmp_path, signal=SAMPLES[np.newaxis])).samples, SAMPLES)
    with pytest.raises(BadInput, match=r"shape \(2, 3, 4, 8, 2\); expected complex") as caught:
        read_raw(write(tmp_path, signal=np.stack((SAMPLES, SAMPLES))))
    assert "an .npz of one signal" in caught.value.remedy
    assert "edgemed judge" in caught.value.remedy


def test_complex128_is_rounded(tmp_path: Path) -> None:
    path = write(tmp_path, signal=SAMPLES.astype(np.complex128) / 3)
    np.testing.assert_array_equal(read_raw(path).samples, (SAMPLES.astype(np.complex128) / 3).astype("c8"))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"dwell_time_s": None}, "no array dwell_time_s; it has signal, larmor"),
        ({"signal": SAMPLES.real}, "'signal' is float32"),
        ({"signal": SAMPLES[:, :3]}, "4 echo times for 3 echoes"),
        (
            {"signal": SAMPLES[..., 0].reshape(4, 4, 6)},
            r"shape \(4, 4, 6\); expected complex \(shots, 4 echoes",
        ),
        ({"signal": SAMPLES[..., 0].reshape(3, 8, 4)}, r"shape \(3, 8, 4\)"),
        ({"signal": SAMPLES[0, :, :4, 0]}, r"shape \(4, 4\)"),
        ({"signal": SAMPLES.ravel()}, r"shape \(192,\)"),
        ({"signal": SAMPLES[..., np.newaxis]}, r"shape \(3, 4, 8, 2, 1\)"),
        ({"signal": SAMPLES * np.complex64(np.nan)}, "192 of 192 samples are not finite"),
        ({"signal": SAMPLES.astype(complex) + 1e300}, "not finite"),
        ({"dwell_time_s": [1e-5, 2e-5]}, "expected one number"),
        ({"dwell_time_s": -1e-5}, "dwell_time_s -1e-05 is not above 0"),
        ({"larmor_frequency_hz": np.nan}, "larmor_frequency_hz nan is not above 0"),
        ({"larmor_frequency_hz": 27.46}, "27.46 Hz is too low for a Larmor frequency"),
        ({"echo_times_s": [0.01, 0.03, 0.02, 0.04]}, "do not ascend"),
        ({"echo_times_s": [["a"]]}, "'echo_times_s' is <U1"),
        ({"inversion_times_s": [0.1, -0.2, 0.3]}, "inversion_times_s -0.2 is below 0"),
        ({"repetition_times_s": [np.nan]}, "repetition_times_s nan is below 0"),
        ({"repetition_times_s": ["a"]}, r"'repetition_times_s' is <U1 .*expected \(shots,\) numbers"),
        ({"protocol": 3}, "'protocol' is int64"),
        ({"protocol": np.array({"a": 1}, object)}, "cannot be read: Object arrays"),
    ],
)
def test_what_is_no_signal_is_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        read_raw(write(tmp_path, **changes))


def test_an_archive_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path).read_bytes()
    torn = tmp_path / "torn.npz"
    for length in range(0, len(whole) - 1, 37):
        torn.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            read_raw(torn)


def test_how_signals_were_taken_stands_beside_them(tmp_path: Path) -> None:
    path = write(tmp_path, signal=None, x=np.stack([SAMPLES, SAMPLES]))
    assert acquisition_in(path).echo_times_s == (0.01, 0.02, 0.03, 0.04)
    with pytest.raises(BadInput, match="no array signal; it has dwell_time_s"):
        read_raw(path)


def test_one_array_alone_is_no_archive(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, SAMPLES)
    with pytest.raises(BadInput):
        read_raw(tmp_path / "a.npz")
