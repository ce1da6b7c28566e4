"""MRD files that ismrmrd-python and the C++ tools write, whole and broken."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.readers.mrd_header import MrdHeader
from edgemed.readers.raw import read_raw

h5py = pytest.importorskip("h5py")
ismrmrd = pytest.importorskip("ismrmrd")

SHOTS, ECHOES, SAMPLES, COILS = 3, 4, 8, 2
HEADER = """<?xml version="1.0" encoding="ascii"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
 <subjectInformation><patientID>sub-07</patientID></subjectInformation>
 <measurementInformation>
  <patientPosition>HFS</patientPosition><protocolName>ir-cpmg</protocolName>
 </measurementInformation>
 <experimentalConditions><H1resonanceFrequency_Hz>2128874</H1resonanceFrequency_Hz></experimentalConditions>
 <sequenceParameters><TR>1000</TR><TE>15</TE><TE>30</TE><TE>45.5</TE><TE>60</TE></sequenceParameters>
</ismrmrdHeader>"""
Edit = Callable[[list[Any]], None]


def samples_of(seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    parts = random.standard_normal((2, SHOTS, ECHOES, SAMPLES, COILS)).astype(np.float32)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def acquisitions(samples: Any) -> list[Any]:
    """One for each shot and echo, as a scanner's converter would make them."""
    made = []
    for shot, echo in np.ndindex(samples.shape[:2]):
        each = ismrmrd.Acquisition.from_array(np.ascontiguousarray(samples[shot, echo].T))
        each.sample_time_us = 12.8
        each.scan_counter = len(made)
        each.acquisition_time_stamp = 1000 * shot + echo
        each.idx.repetition, each.idx.contrast = shot, echo
        made.append(each)
    return made


def write(path: Path, made: list[Any], header: str | None = HEADER, group: str = "dataset") -> Path:
    with ismrmrd.Dataset(path, group, mode="w") as dataset:
        if header is not None:
            dataset.write_xml_header(header.encode())
        for each in made:
            dataset.append_acquisition(each)
    return path


def edited(folder: Path, edit: Edit) -> Path:
    made = acquisitions(samples_of())
    edit(made)
    return write(folder / "edited.h5", made)


def test_what_ismrmrd_python_wrote_is_read(tmp_path: Path) -> None:
    samples = samples_of()
    signal = read_raw(write(tmp_path / "a.h5", acquisitions(samples)))
    np.testing.assert_array_equal(signal.samples, samples)
    assert signal.acquisition.to_dict() == {
        "dwell_time_s": 1.28e-05,
        "larmor_frequency_hz": 2128874.0,
        "echo_times_s": [0.015, 0.03, 0.0455, 0.06],
        "protocol": "ir-cpmg",
        "inversion_times_s": None,
        "repetition_times_s": [1.0],
    }
    assert signal.header == HEADER


def test_a_header_that_ismrmrd_python_serialises_is_read() -> None:
    xsd = ismrmrd.xsd
    header = xsd.ismrmrdHeader(
        measurementInformation=xsd.measurementInformationType(
            patientPosition=xsd.patientPositionType.HFS, protocolName="cpmg"
        ),
        experimentalConditions=xsd.experimentalConditionsType(H1resonanceFrequency_Hz=2_000_000),
        sequenceParameters=xsd.sequenceParametersType(TE=[7.5], TI=[0.0, 190.5]),
    )
    assert MrdHeader.parse(xsd.ToXML(header)) == MrdHeader(2e6, "cpmg", (0.0075,), (0.0, 0.1905), None)


@pytest.mark.parametrize("prefix", ["", "ns1:"])
def test_the_headers_namespace_and_prefix_do_not_matter(prefix: str) -> None:
    bare = HEADER.partition("?>")[2].replace(' xmlns="http://www.ismrm.org/ISMRMRD"', "").strip()
    other = bare.replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}")
    if prefix:
        other = other.replace("Header>", 'Header xmlns:ns1="http://www.ismrm.org/ISMRMRD">', 1)
    assert MrdHeader.parse(other) == MrdHeader.parse(HEADER)


def test_the_only_group_may_have_another_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mrd", acquisitions(samples_of()), group="scan_3")
    np.testing.assert_array_equal(read_raw(path).samples, samples_of())


def test_of_many_groups_one_must_be_the_dataset(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", acquisitions(samples_of()), group="scan_3")
    with h5py.File(path, "a") as file:
        file.create_group("scan_4")
    with pytest.raises(BadInput, match=r"no group 'dataset'; its groups: scan_3, scan_4"):
        read_raw(path)


def test_echoes_are_in_the_order_of_the_counter_whatever_the_files(tmp_path: Path) -> None:
    def shuffle(made: list[Any]) -> None:
        order = np.random.default_rng(1).permutation(ECHOES)
        made[:ECHOES] = [made[i] for i in order]

    np.testing.assert_array_equal(read_raw(edited(tmp_path, shuffle)).samples, samples_of())


def test_shots_are_in_the_order_of_their_counters_whatever_the_files(tmp_path: Path) -> None:
    def reverse_shots(made: list[Any]) -> None:
        made[:] = [*made[2 * ECHOES :], *made[ECHOES : 2 * ECHOES], *made[:ECHOES]]

    np.testing.assert_array_equal(read_raw(edited(tmp_path, reverse_shots)).samples, samples_of())


def test_of_two_counters_the_slower_orders_first(tmp_path: Path) -> None:
    def recount(made: list[Any]) -> None:
        for each in made:
            each.idx.set, each.idx.kspace_encode_step_1 = ((1, 0), (0, 1), (0, 0))[each.idx.repetition]
            each.idx.repetition = 0

    np.testing.assert_array_equal(read_raw(edited(tmp_path, recount)).samples, samples_of()[::-1])


@pytest.mark.parametrize(
    "counter",
    ["kspace_encode_step_1", "kspace_encode_step_2", "average", "slice", "phase", "set", "segment"],
)
def test_any_other_counter_tells_shots_apart(tmp_path: Path, counter: str) -> None:
    def recount(made: list[Any]) -> None:
        for each in made:
            setattr(each.idx, counter, each.idx.repetition)
            each.idx.repetition = 0

    np.testing.assert_array_equal(read_raw(edited(tmp_path, recount)).samples, samples_of())


def test_where_the_contrast_never_varies_a_shot_has_one_echo(tmp_path: Path) -> None:
    samples = samples_of()[:, :1]
    header = HEADER.replace("<TE>30</TE><TE>45.5</TE><TE>60</TE>", "")
    signal = read_raw(write(tmp_path / "a.h5", acquisitions(samples), header))
    np.testing.assert_array_equal(signal.samples, samples)


@pytest.mark.parametrize(
    "flag",
    [
        "ACQ_IS_NOISE_MEASUREMENT",
        "ACQ_IS_PARALLEL_CALIBRATION",
        "ACQ_IS_NAVIGATION_DATA",
        "ACQ_IS_PHASECORR_DATA",
        "ACQ_IS_HPFEEDBACK_DATA",
        "ACQ_IS_DUMMYSCAN_DATA",
        "ACQ_IS_RTFEEDBACK_DATA",
        "ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA",
        "ACQ_IS_PHASE_STABILIZATION_REFERENCE",
        "ACQ_IS_PHASE_STABILIZATION",
    ],
)
def test_what_is_no_signal_is_left_out(tmp_path: Path, flag: str) -> None:
    def insert(made: list[Any]) -> None:
        noise = ismrmrd.Acquisition.from_array(np.ones((1, 3), np.complex64))
        noise.set_flag(getattr(ismrmrd, flag))
        made.insert(1, noise)

    np.testing.assert_array_equal(read_raw(edited(tmp_path, insert)).samples, samples_of())


def test_parallel_calibration_that_is_also_signal_is_kept(tmp_path: Path) -> None:
    def flag(made: list[Any]) -> None:
        for each in made:
            each.set_flag(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING)

    np.testing.assert_array_equal(read_raw(edited(tmp_path, flag)).samples, samples_of())


def test_samples_to_discard_are_left_out(tmp_path: Path) -> None:
    def discard(made: list[Any]) -> None:
        for each in made:
            each.discard_pre, each.discard_post = 2, 1

    np.testing.assert_array_equal(read_raw(edited(tmp_path, discard)).samples, samples_of()[:, :, 2:-1])


def drop(made: list[Any]) -> None:
    del made[5]


def double(made: list[Any]) -> None:
    made.append(made[5])


def skip_a_contrast(made: list[Any]) -> None:
    for each in made:
        each.idx.contrast += each.idx.contrast > 1


def other_length(made: list[Any]) -> None:
    made[6].resize(SAMPLES + 1, COILS)


def other_coils(made: list[Any]) -> None:
    made[6].resize(SAMPLES, COILS + 1)


def other_dwell(made: list[Any]) -> None:
    made[6].sample_time_us = 12.9


def no_dwell(made: list[Any]) -> None:
    for each in made:
        each.sample_time_us = 0.0


def swap_contrasts(made: list[Any]) -> None:
    made[5].idx.contrast, made[6].idx.contrast = 2, 1


def swap_contrasts_without_stamps(made: list[Any]) -> None:
    swap_contrasts(made)
    for each in made:
        each.acquisition_time_stamp = 0


def only_noise(made: list[Any]) -> None:
    for each in made:
        each.set_flag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)


def not_a_number(made: list[Any]) -> None:
    made[6].data[1, 3] = np.nan


def infinite(made: list[Any]) -> None:
    made[6].data[1, 3] = np.inf * 1j


def discard_all(made: list[Any]) -> None:
    for each in made:
        each.discard_pre = SAMPLES


def wrap(made: list[Any]) -> None:
    for number, each in enumerate(made):
        each.acquisition_time_stamp = (2**32 - 6 + number) % 2**32
        each.scan_counter = (2**32 - 2 + number) % 2**32


def swap_contrasts_where_the_clock_wraps(made: list[Any]) -> None:
    wrap(made)
    swap_contrasts(made)


def test_clocks_may_start_again_within_a_shot(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_raw(edited(tmp_path, wrap)).samples, samples_of())


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (swap_contrasts_where_the_clock_wraps, r"swapped: .*\(acquisition_time_stamp 4294967295, 0\)"),
        (drop, r"shot 1 \(repetition 1\) of 3 shots has 3 echoes; expected 4"),
        (double, r"shot 1 \(repetition 1\) has echo 1 2 times; expected it once"),
        (skip_a_contrast, "no acquisition has the counter contrast 2; expected all from 0 to 4"),
        (other_length, "acquisition 6 has number_of_samples 9; expected 8"),
        (other_coils, "acquisition 6 has active_channels 3; expected 2"),
        (other_dwell, "acquisition 6 has sample_time_us 12.9; expected 12.8, as in acq"),
        (no_dwell, "dwell_time_s 0 is not above 0"),
        (swap_contrasts, "swapped: in shot 1, contrast 2 was acquired before contrast 1 .acquisition_time"),
        (swap_contrasts_without_stamps, r"swapped: in shot 1, .*\(scan_counter 5, 6\)"),
        (only_noise, "no signal: 12 acquisitions"),
        (not_a_number, "1 of 192 samples are not finite, the first in shot 1, echo 2, sample 3, coil 1"),
        (infinite, "not finite"),
        (discard_all, r"shape \(3, 4, 0, 2\)"),
    ],
)
def test_acquisitions_that_make_no_signal_are_refused(tmp_path: Path, edit: Edit, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        read_raw(edited(tmp_path, edit))


def test_an_acquisition_that_is_shorter_than_its_head_says_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", acquisitions(samples_of()))
    with h5py.File(path, "a") as file:
        record = file["dataset/data"][4]
        record["data"] = record["data"][:-2]
        file["dataset/data"][4] = record
    with pytest.raises(BadInput, match="acquisition 4 holds 30 numbers; its head says 2 x 2 coils x 8"):
        read_raw(path)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("<H1resonanceFrequency_Hz>2128874</H1resonanceFrequency_Hz>", "", "lacks .*H1resonanceFrequency_Hz"),
        ("2128874", "2.128874", "too low for a frequency in Hz"),
        ("2128874", "high", "H1resonanceFrequency_Hz is 'high'; expected a number"),
        ("<protocolName>ir-cpmg</protocolName>", "", "lacks measurementInformation/protocolName"),
        ("<protocolName>ir-cpmg<", "<protocolName> <", "lacks measurementInformation/protocolName"),
        ("<TE>45.5</TE>", "", "has 3 sequenceParameters/TE for 4 echoes"),
        ("<TE>45.5</TE>", "<TE>5</TE>", "do not ascend"),
        ("<TE>45.5</TE>", "<TE>NaN</TE>", "do not ascend"),
        ("</ismrmrdHeader>", "", "is not XML"),
        ("ismrmrdHeader", "html", "first element is not ismrmrdHeader"),
        ("<ismrmrd", '<!DOCTYPE x [<!ENTITY a "b">]><ismrmrd', "document type"),
    ],
)
def test_a_header_that_lacks_something_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in HEADER
    path = write(tmp_path / "a.h5", acquisitions(samples_of()), HEADER.replace(old, new))
    with pytest.raises(BadInput, match=problem):
        read_raw(path)


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", [], header=None)
    with h5py.File(path, "a") as file:
        file.create_group("dataset")
    with pytest.raises(BadInput, match="no header"):
        read_raw(path)


def test_a_header_in_no_known_encoding_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", acquisitions(samples_of()))
    with h5py.File(path, "a") as file:
        file["dataset/xml"][0] = HEADER.replace("ir-cpmg", "µ").encode("latin-1")
    with pytest.raises(BadInput, match="cannot be read"):
        read_raw(path)


def test_zero_acquisitions_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", acquisitions(samples_of())[:1])
    with h5py.File(path, "a") as file:
        file["dataset/data"].resize(0, axis=0)
    with pytest.raises(BadInput, match="no signal: 0 acquisitions"):
        read_raw(path)


@pytest.mark.parametrize("content", [None, np.zeros(3), np.zeros(3, [("head", "u1"), ("data", "f4")])])
def test_a_file_without_a_table_of_acquisitions_is_refused(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path / "a.h5", [])
    if content is not None:
        with h5py.File(path, "a") as file:
            file["dataset/data"] = content
    with pytest.raises(BadInput, match="not a table of MRD acquisitions"):
        read_raw(path)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.h5", acquisitions(samples_of())).read_bytes()
    torn = tmp_path / "torn.h5"
    for length in range(0, len(whole) - 1, max(1, len(whole) // 60)):
        torn.write_bytes(whole[:length])
        with pytest.raises(BadInput, match="cannot be read"):
            read_raw(torn)


@pytest.fixture
def shepp_logan(tmp_path: Path) -> Path:
    """By Debian's C++ tools: 2 coils, 2 repetitions of 16 lines after a noise scan, no name and no TE."""
    tool = shutil.which("ismrmrd_generate_cartesian_shepp_logan")
    if tool is None:
        pytest.skip("apt-get install ismrmrd-tools")
    path = tmp_path / "shepp_logan.h5"
    subprocess.run(
        [tool, "-m", "16", "-c", "2", "-r", "2", "-C", "-o", path], check=True, capture_output=True
    )
    return path


def test_the_cpp_generators_header_lacks_what_a_signal_needs(shepp_logan: Path) -> None:
    with pytest.raises(BadInput, match="lacks measurementInformation/protocolName"):
        read_raw(shepp_logan)


def test_the_cpp_generators_acquisitions_are_read_as_ismrmrd_python_reads_them(shepp_logan: Path) -> None:
    with h5py.File(shepp_logan, "a") as file:
        text = file["dataset/xml"][0].decode()
        start = "<measurementInformation><protocolName>gre</protocolName></measurementInformation>"
        text = text.replace("<acquisitionSystem", start + "<acquisitionSystem", 1)
        end = "<sequenceParameters><TE>5</TE></sequenceParameters></ismrmrdHeader>"
        file["dataset/xml"][0] = text.replace("</ismrmrdHeader>", end).encode()
    signal = read_raw(shepp_logan)
    assert signal.samples.shape == (32, 1, 32, 2)
    assert signal.acquisition.larmor_frequency_hz == 63.5e6
    with ismrmrd.Dataset(shepp_logan, mode="r") as dataset:
        lines = [dataset.read_acquisition(i).data for i in range(1, dataset.number_of_acquisitions())]
    np.testing.assert_array_equal(signal.samples[:, 0].swapaxes(1, 2), lines)
