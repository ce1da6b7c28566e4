"""MRD files of ours, read back by us, by ismrmrd-python and by the C++ tools."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgemed.errors import BadInput, ToolFailure
from edgemed.mr.mrd_file import write_mrd
from edgemed.readers.raw import read_raw
from edgemed.types.acquisition import Acquisition
from edgemed.types.raw_signal import RawSignal

h5py = pytest.importorskip("h5py")
ismrmrd = pytest.importorskip("ismrmrd")

ECHO_TIMES_S = tuple(0.015 * echo for echo in range(1, 12))  # the last is 0.16499999999999998
ACQUISITION = Acquisition(12.8e-6, 2128874.0, ECHO_TIMES_S, "ir-cpmg A <&> µ", (0.0, 0.19, 0.4), (1.0,))


def signal_of(acquisition: Acquisition = ACQUISITION, shots: int = 3, header: str = "") -> RawSignal:
    shape = (2, shots, len(acquisition.echo_times_s), 8, 2)
    parts = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return RawSignal((parts[0] + 1j * parts[1]).astype(np.complex64), acquisition, header)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    samples=arrays.arrays(
        np.complex64,
        arrays.array_shapes(min_dims=4, max_dims=4, max_side=5),
        elements=st.complex_numbers(width=64, allow_nan=False, allow_infinity=False),
    )
)
def test_samples_come_back_bit_for_bit(tmp_path: Path, samples: Any) -> None:
    signal = RawSignal(samples, Acquisition(1e-5, 2e6, ECHO_TIMES_S[: samples.shape[1]], "cpmg"))
    write_mrd(tmp_path / "a.h5", signal)
    back = read_raw(tmp_path / "a.h5")
    assert back.samples.shape == samples.shape
    assert back.samples.tobytes() == samples.tobytes()
    assert back.acquisition == signal.acquisition


def test_the_acquisition_comes_back(tmp_path: Path) -> None:
    write_mrd(tmp_path / "a.h5", signal_of(), subject="sub-01 é")
    assert read_raw(tmp_path / "a.h5").acquisition == ACQUISITION


def test_what_the_format_rounds_is_rounded_and_no_more(tmp_path: Path) -> None:
    write_mrd(tmp_path / "a.h5", signal_of(Acquisition(1 / 30000, 2128873.6, (0.01,), "cpmg")))
    back = read_raw(tmp_path / "a.h5").acquisition
    assert back.larmor_frequency_hz == 2128874.0
    assert back.dwell_time_s == pytest.approx(1 / 30000, rel=6e-8)


def test_a_header_that_was_read_is_not_carried_over(tmp_path: Path) -> None:
    write_mrd(tmp_path / "a.h5", signal_of(header="<patientName>Doe</patientName>"))
    assert b"Doe" not in (tmp_path / "a.h5").read_bytes()


def test_the_same_signal_makes_the_same_file(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write_mrd(tmp_path / name, signal_of(), subject="sub-01")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_ismrmrd_python_reads_the_file(tmp_path: Path) -> None:
    signal = signal_of()
    write_mrd(tmp_path / "a.h5", signal, subject="sub-01 é")
    with ismrmrd.Dataset(tmp_path / "a.h5", mode="r") as dataset:
        header = ismrmrd.xsd.CreateFromDocument(dataset.read_xml_header())
        read = [dataset.read_acquisition(i) for i in range(dataset.number_of_acquisitions())]
    assert header.subjectInformation.patientID == "sub-01 é"
    assert header.measurementInformation.protocolName == ACQUISITION.protocol
    assert header.experimentalConditions.H1resonanceFrequency_Hz == 2128874
    te_ms = [te * 1000 for te in ECHO_TIMES_S]
    assert list(header.sequenceParameters.TE) == pytest.approx(te_ms)
    assert list(header.sequenceParameters.TI) == [0.0, 190.0, 400.0]
    assert list(header.sequenceParameters.TR) == [1000.0]
    assert header.encoding[0].encodingLimits.contrast.maximum == 10
    assert header.encoding[0].encodingLimits.set.maximum == 2
    for each, (shot, echo) in zip(read, np.ndindex(3, 11), strict=True):
        assert (each.idx.set, each.idx.contrast) == (shot, echo)
        assert each.sample_time_us == pytest.approx(12.8)
        np.testing.assert_array_equal(each.data, signal.samples[shot, echo].T)
    flagged = {
        name: [i for i, each in enumerate(read) if each.is_flag_set(getattr(ismrmrd, f"ACQ_{name}"))]
        for name in ("FIRST_IN_SET", "LAST_IN_SET", "FIRST_IN_CONTRAST", "LAST_IN_MEASUREMENT")
    }
    assert flagged == {
        "FIRST_IN_SET": [0, 11, 22],
        "LAST_IN_SET": [10, 21, 32],
        "FIRST_IN_CONTRAST": list(range(11)),
        "LAST_IN_MEASUREMENT": [32],
    }


def test_the_records_have_exactly_the_type_that_ismrmrd_python_writes(tmp_path: Path) -> None:
    write_mrd(tmp_path / "ours.h5", signal_of())
    with ismrmrd.Dataset(tmp_path / "theirs.h5", mode="w") as dataset:
        dataset.append_acquisition(ismrmrd.Acquisition.from_array(np.ones((1, 4), np.complex64)))
        dataset.write_xml_header(b"<a/>")
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "theirs.h5") as theirs:
        for name in ("dataset/data", "dataset/xml"):
            assert ours[name].id.get_type().equal(theirs[name].id.get_type())


@pytest.mark.parametrize(
    ("tool", "name"), [("ismrmrd_read_timing_test", "a.h5"), ("ismrmrd_test_xml", "header.xml")]
)
def test_the_cpp_tools_read_acquisitions_and_header(tmp_path: Path, tool: str, name: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip("apt-get install ismrmrd-tools")
    write_mrd(tmp_path / "a.h5", signal_of(), subject="sub-01")
    (tmp_path / "header.xml").write_text(read_raw(tmp_path / "a.h5").header, encoding="utf-8")
    run = subprocess.run([tool, tmp_path / name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("signal", "subject", "problem"),
    [
        (signal_of(Acquisition(1e-5, 2e6, (0.01,), "")), "", "protocol has no name"),
        (signal_of(Acquisition(1e-5, 2e6, (0.01,), "a\x07")), "", "control characters"),
        (signal_of(), " sub-01", "blanks at an end"),
        (signal_of(Acquisition(1e-5, 2e6, (0.01,), "cpmg"), shots=2**16), "", "65536 shots; MRD counts up"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(
    tmp_path: Path, signal: RawSignal, subject: str, problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        write_mrd(tmp_path / "a.h5", signal, subject=subject)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.mkdir()
    with pytest.raises(ToolFailure, match="cannot write"):
        write_mrd(path, signal_of())
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]
