"""Raw MR signals as files of MRD (ISMRMRD) version 1."""

from __future__ import annotations

import contextlib
import os
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from edgemed.disk import disk_failure, flush_one
from edgemed.errors import BadInput
from edgemed.readers.extra import import_extra
from edgemed.types.raw_signal import RawSignal

_NAMESPACE = "http://www.ismrm.org/ISMRMRD"
_VERSION = 1
_LARGEST_U16 = 2**16 - 1

_COUNTERS = np.dtype(
    [
        *((name, "<u2") for name in ("kspace_encode_step_1", "kspace_encode_step_2", "average", "slice")),
        *((name, "<u2") for name in ("contrast", "phase", "repetition", "set", "segment")),
        ("user", "<u2", (8,)),
    ]
)
_HEAD = np.dtype(
    [
        ("version", "<u2"),
        ("flags", "<u8"),
        *((name, "<u4") for name in ("measurement_uid", "scan_counter", "acquisition_time_stamp")),
        ("physiology_time_stamp", "<u4", (3,)),
        *((name, "<u2") for name in ("number_of_samples", "available_channels", "active_channels")),
        ("channel_mask", "<u8", (16,)),
        *((name, "<u2") for name in ("discard_pre", "discard_post", "center_sample")),
        *((name, "<u2") for name in ("encoding_space_ref", "trajectory_dimensions")),
        ("sample_time_us", "<f4"),
        *((name, "<f4", (3,)) for name in ("position", "read_dir", "phase_dir", "slice_dir")),
        ("patient_table_position", "<f4", (3,)),
        ("idx", _COUNTERS),
        ("user_int", "<i4", (8,)),
        ("user_float", "<f4", (8,)),
    ]
)

# numbers of flags from ismrmrd.h, counted from 1
_FIRST_IN_CONTRAST, _LAST_IN_CONTRAST, _FIRST_IN_SET, _LAST_IN_SET, _LAST_IN_MEASUREMENT = 9, 10, 15, 16, 25


def write_mrd(path: Path, signal: RawSignal, *, subject: str = "") -> None:
    """Write one signal to `path` whole or not at all; `subject` becomes the patient ID.

    A shot is a value of the counter `set`, an echo one of `contrast`. As the format has it, the Larmor
    frequency is rounded to whole Hz and the dwell time to float32 microseconds. The header is new: nothing
    of `signal.header` is carried over. It says the patient position HFS, since the schema demands one.

    Raises `BadInput` for what the format cannot hold, `ToolFailure` where the disk refuses.
    """
    h5py = import_extra("h5py", "raw")
    header = _header(signal, subject)
    records = _records(signal, h5py)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w") as file:
            group = file.create_group("dataset")
            group.create_dataset("xml", (1,), h5py.special_dtype(vlen=bytes))[0] = header
            group.create_dataset("data", data=records, maxshape=(None,))
        flush_one(part)
        part.replace(path)
    except OSError as error:
        raise disk_failure(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _records(signal: RawSignal, h5py: Any) -> NDArray[Any]:
    shots, echoes, samples, coils = signal.samples.shape
    for name, length in (("shots", shots), ("echoes", echoes), ("samples", samples), ("coils", coils)):
        if length > _LARGEST_U16:
            raise BadInput(f"{length} {name}; MRD counts up to {_LARGEST_U16}")
    numbers = h5py.special_dtype(vlen=np.dtype("<f4"))
    records = np.zeros(shots * echoes, np.dtype([("head", _HEAD), ("traj", numbers), ("data", numbers)]))
    shot, echo = np.divmod(np.arange(shots * echoes), echoes)
    head = records["head"]
    head["version"] = _VERSION
    head["scan_counter"] = np.arange(shots * echoes)
    head["number_of_samples"] = samples
    head["available_channels"] = head["active_channels"] = coils
    head["center_sample"] = samples // 2
    head["sample_time_us"] = signal.acquisition.dwell_time_s * 1e6
    head["idx"]["set"], head["idx"]["contrast"] = shot, echo
    for flag, where in (
        (_FIRST_IN_CONTRAST, shot == 0),
        (_LAST_IN_CONTRAST, shot == shots - 1),
        (_FIRST_IN_SET, echo == 0),
        (_LAST_IN_SET, echo == echoes - 1),
        (_LAST_IN_MEASUREMENT, np.arange(shots * echoes) == shots * echoes - 1),
    ):
        head["flags"][where] |= np.uint64(1 << flag - 1)
    by_coil = np.ascontiguousarray(signal.samples.swapaxes(2, 3)).reshape(shots * echoes, -1)
    for record, readout in zip(records, by_coil.view(np.float32), strict=True):
        record["traj"] = np.empty(0, np.float32)
        record["data"] = readout
    return records


def _header(signal: RawSignal, subject: str) -> bytes:
    """Elements in the order of ismrmrd.xsd, which is part of the schema."""
    shots, echoes, samples, coils = signal.samples.shape
    acquisition = signal.acquisition
    for name, text in (("protocol", acquisition.protocol), ("subject", subject)):
        if not text.isprintable() or text != text.strip():
            raise BadInput(f"the {name} {text!r} has control characters, or blanks at an end")
    if not acquisition.protocol:
        raise BadInput("the protocol has no name; an MRD file needs one")
    root = ElementTree.Element("ismrmrdHeader", xmlns=_NAMESPACE)
    if subject:
        _add(root, "subjectInformation/patientID", subject)
    measurement = _add(root, "measurementInformation")
    _add(measurement, "patientPosition", "HFS")
    _add(measurement, "protocolName", acquisition.protocol)
    _add(root, "acquisitionSystemInformation/receiverChannels", coils)
    _add(root, "experimentalConditions/H1resonanceFrequency_Hz", round(acquisition.larmor_frequency_hz))
    encoding = _add(root, "encoding")
    for space in (_add(encoding, "encodedSpace"), _add(encoding, "reconSpace")):
        matrix, view = _add(space, "matrixSize"), _add(space, "fieldOfView_mm")
        for axis, length in (("x", samples), ("y", 1), ("z", 1)):
            _add(matrix, axis, length)
            _add(view, axis, 0)  # no image, no field of view
    limits = _add(encoding, "encodingLimits")
    for counter, length in (("contrast", echoes), ("set", shots)):
        limit = _add(limits, counter)
        for name, value in (("minimum", 0), ("maximum", length - 1), ("center", 0)):
            _add(limit, name, value)
    _add(encoding, "trajectory", "other")
    _add(encoding, "echoTrainLength", echoes)
    parameters = _add(root, "sequenceParameters")
    for name, times in (
        ("TR", acquisition.repetition_times_s),
        ("TE", acquisition.echo_times_s),
        ("TI", acquisition.inversion_times_s),
    ):
        for time in times or ():
            _add(parameters, name, format(Decimal(repr(float(time))).scaleb(3), "f"))
    return bytes(ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True))


def _add(parent: ElementTree.Element, path: str, text: object = None) -> ElementTree.Element:
    for name in path.split("/"):
        parent = ElementTree.SubElement(parent, name)
    if text is not None:
        parent.text = str(text)
    return parent
