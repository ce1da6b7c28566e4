"""`.mat` files with the fields that MaRGE's sequences leave in `mapVals`, saved as its `saveRawData` does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.readers.raw import read_raw

scipy_io = pytest.importorskip("scipy.io")

SCANS, ECHOES, POINTS, OVERSAMPLING = 2, 5, 12, 6
RANDOM = np.random.default_rng(0)
FULL = RANDOM.standard_normal((SCANS, ECHOES, POINTS * OVERSAMPLING, 2)) @ [1, 1j]
SHARED: dict[str, Any] = {
    "larmorFreq": 3.08,
    "nPoints": POINTS,
    "acqTime": 2.0,
    "nScans": SCANS,
    "repetitionTime": 500.0,
}
TSE: dict[str, Any] = {
    **SHARED,
    "seqName": "TSE",
    "etl": ECHOES,
    "echoSpacing": 10.0,
    "bw": 0.006,
    "dataFull": FULL.ravel(),
    "data": np.zeros(ECHOES * POINTS, complex),
    "shimming": [0.0, 0.0, 0.0],
    "phase_mode": "CPMG",
}
FID: dict[str, Any] = {
    **SHARED,
    "seqName": "FID",
    "rfExTime": 30.0,
    "deadTime": 400.0,
    "readRFpulse": 0,
    "bw": 0.006,
    "data": FULL[0, 0, :POINTS],
}
INVERSION: dict[str, Any] = {
    **SHARED,
    "seqName": "InversionRecovery",
    "nSteps": ECHOES,
    "tInv0": 50.0,
    "tInv1": 800.0,
    "echoTime": 8.0,
    "bw": 6000.0,
    "data": FULL[0, :, :POINTS].ravel(),
}


def write(folder: Path, fields: dict[str, Any], compress: bool = False, **changes: Any) -> Path:
    kept = {name: value for name, value in (fields | changes).items() if value is not None}
    scipy_io.savemat(folder / "a.mat", kept, do_compression=compress)
    return folder / "a.mat"


@pytest.mark.parametrize("name", ["TSE", "CPMG"])
def test_an_echo_train_is_read_with_every_scan_and_oversampled(tmp_path: Path, name: str) -> None:
    signal = read_raw(write(tmp_path, TSE, seqName=name))
    np.testing.assert_array_equal(signal.samples, FULL[..., np.newaxis].astype(np.complex64))
    assert signal.acquisition.protocol == f"{name} CPMG"
    assert read_raw(write(tmp_path, TSE, seqName=name, phase_mode=None)).acquisition.protocol == name
    assert signal.acquisition.larmor_frequency_hz == pytest.approx(3.08e6)
    assert signal.acquisition.dwell_time_s == pytest.approx(1 / 36e3)
    assert signal.acquisition.echo_times_s == pytest.approx((0.01, 0.02, 0.03, 0.04, 0.05))


def test_the_echo_time_of_an_fid_is_the_middle_of_its_readout(tmp_path: Path) -> None:
    signal = read_raw(write(tmp_path, FID))
    np.testing.assert_array_equal(signal.samples[0, 0, :, 0], FID["data"].astype(np.complex64))
    assert signal.acquisition.echo_times_s == pytest.approx((15e-6 + 400e-6 + 1e-3,))
    assert signal.acquisition.dwell_time_s == pytest.approx(1 / 6e3)


def test_the_steps_of_an_inversion_recovery_are_shots(tmp_path: Path) -> None:
    signal = read_raw(write(tmp_path, INVERSION))
    assert signal.samples.shape == (ECHOES, 1, POINTS, 1)
    np.testing.assert_array_equal(signal.samples[:, 0, :, 0], FULL[0, :, :POINTS].astype(np.complex64))
    assert signal.acquisition.echo_times_s == pytest.approx((0.008,))
    assert signal.acquisition.inversion_times_s == pytest.approx((0.05, 0.1, 0.2, 0.4, 0.8))


@pytest.mark.parametrize("fields", [TSE, FID, INVERSION], ids=lambda fields: fields["seqName"])
def test_times_that_a_file_does_not_state_are_none(tmp_path: Path, fields: dict[str, Any]) -> None:
    assert read_raw(write(tmp_path, fields)).acquisition.repetition_times_s == (0.5,)
    bare = read_raw(write(tmp_path, fields, repetitionTime=None, tInv1=None)).acquisition
    assert (bare.repetition_times_s, bare.inversion_times_s) == (None, None)


def test_a_bandwidth_that_the_console_rounded_is_taken_as_it_was(tmp_path: Path) -> None:
    signal = read_raw(write(tmp_path, FID, bw=0.00603))
    assert signal.acquisition.dwell_time_s == pytest.approx(1 / 6030)


@pytest.mark.parametrize(
    ("fields", "changes", "problem"),
    [
        (TSE, {"seqName": "RARE"}, "seqName is 'RARE'"),
        (TSE, {"seqName": None}, "no field seqName"),
        (TSE, {"dataFull": None}, "no field dataFull"),
        (TSE, {"echoSpacing": None}, "no field echoSpacing"),
        (TSE, {"larmorFreq": None}, "no field larmorFreq"),
        (TSE, {"nPoints": [12, 1, 1]}, r"field nPoints is \[12, 1, 1\]; expected one number above 0"),
        (TSE, {"etl": 2.5}, "field etl is 2.5; expected a whole number"),
        (TSE, {"etl": 1e15}, r"field etl is 1e\+15; expected a whole number of at most 131072"),
        (
            TSE,
            {"nScans": 1, "etl": 1},
            "720 samples; expected 1 readouts x 12 nPoints x an oversampling factor, whole and at most 32",
        ),
        (TSE, {"echoSpacing": 0.0}, "field echoSpacing is 0.0; expected one number above 0"),
        (TSE, {"bw": 0.036}, "bw says 36 kHz; expected 6 kHz"),
        (
            TSE,
            {"dataFull": FULL.ravel()[:-1]},
            "the file has 719 samples; expected 10 readouts x 12 nPoints x",
        ),
        (TSE, {"dataFull": FULL.ravel().real}, "field dataFull is float64; expected complex"),
        (TSE, {"dataFull": FULL.ravel() * np.nan}, "720 of 720 samples are not finite"),
        (TSE, {"dataFull": FULL.ravel() * 1e300}, "not finite"),
        (FID, {"readRFpulse": 1}, "readRFpulse is set"),
        (
            FID,
            {"data": FULL[0, 0, : 2 * POINTS]},
            "the file has 24 samples; expected 1 readouts x 12 nPoints$",
        ),
        (INVERSION, {"bw": 0.006}, "bw says 6e-06 kHz; expected 6 kHz"),
    ],
)
def test_what_is_missing_or_in_other_units_is_refused(
    tmp_path: Path, fields: dict[str, Any], changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        read_raw(write(tmp_path, fields, **changes))


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, compress: bool) -> None:
    whole = write(tmp_path, TSE, compress).read_bytes()
    torn = tmp_path / "torn.mat"
    needed = whole.index(b"dataFull") if not compress else len(whole) // 2
    for length in range(0, needed, 53):
        torn.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            read_raw(torn)


def test_version_7_3_is_refused_by_name(tmp_path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "a.mat").write_bytes(header + bytes(512))
    with pytest.raises(BadInput, match=r"version 7\.3"):
        read_raw(tmp_path / "a.mat")
