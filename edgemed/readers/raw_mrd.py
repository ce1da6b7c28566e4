"""Raw MR signals in MRD (ISMRMRD) version 1, HDF5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.extra import import_extra
from edgemed.readers.mrd_header import MrdHeader, scaled
from edgemed.types.acquisition import Acquisition
from edgemed.types.raw_signal import RawSignal

_SHOT_COUNTERS = (
    "repetition",
    "set",
    "segment",
    "phase",
    "slice",
    "average",
    "kspace_encode_step_2",
    "kspace_encode_step_1",
)
"""In a file's shots, the last counts fastest."""
_CLOCKS = ("acquisition_time_stamp", "scan_counter")
_ALIKE = ("number_of_samples", "active_channels", "sample_time_us", "discard_pre", "discard_post")
_HEAD = {"flags", "idx", *_CLOCKS, *_ALIKE}

# noise, calibration alone, navigation, phase correction, feedback, dummies, coil correction, phase
# stabilisation: numbers of flags from ismrmrd.h, counted from 1
_NOT_SIGNAL = np.uint64(sum(1 << flag - 1 for flag in (19, 20, 23, 24, 26, 27, 28, 29, 30, 31)))

_NUMBERING = "number the echoes of a shot by the counter contrast, the shots by set or repetition"


def read_mrd(path: Path) -> RawSignal:
    """The acquisitions of the group `dataset`, or of the only group.

    The counter `contrast` is the echo, whatever the order in the file; where it never varies, a shot has one
    echo. Each combination of the other counters is a shot: by repetition, then set, segment, phase, slice,
    average and the encoding steps, whatever the order in the file. Noise, navigation, dummy scans and the
    like are left out, and so are the samples that heads say to discard. Dwell time is `sample_time_us`;
    Larmor frequency, protocol and TE are the header's, and TI and TR where it has them.

    Raises `BadInput` where the file is torn or no MRD; where the header lacks one of these; where the
    acquisitions differ in samples, coils or dwell time; where not every shot has every echo once; and where
    their clocks say that echoes are swapped.
    """
    text, records, places = _signal_records(path)
    header = MrdHeader.parse(text)
    head = records["head"]
    for name in _ALIKE:
        _require_alike(head[name], places, name)
    samples, coils = int(head["number_of_samples"][0]), int(head["active_channels"][0])
    for place, floats in zip(places, records["data"], strict=True):
        if len(floats) != 2 * coils * samples:
            raise BadInput(
                f"acquisition {place} holds {len(floats)} numbers; its head says 2 x {coils} coils x "
                f"{samples} samples"
            )
    order = _order(head["idx"])
    shots, echoes = order.shape
    for clock in _CLOCKS:
        _require_ascending(head[clock][order].astype(np.uint32), clock)
    if len(header.echo_times_s) != echoes:
        raise BadInput(
            f"the MRD header has {len(header.echo_times_s)} sequenceParameters/TE for {echoes} echoes "
            "(values of the counter contrast)",
            remedy="write one TE in ms for each echo; " + _NUMBERING,
        )
    readouts = np.stack(list(records["data"][order.ravel()])).astype(np.float32, copy=False)
    signal = readouts.view(np.complex64).reshape(shots, echoes, coils, samples)
    signal = signal[..., int(head["discard_pre"][0]) : samples - int(head["discard_post"][0])]
    # the shortest decimal of the float32, so that 12.8 us are not 12.80000019
    dwell = scaled(str(head["sample_time_us"][0]), -6, "sample_time_us")
    return RawSignal(
        np.ascontiguousarray(signal.swapaxes(2, 3)),
        Acquisition(
            dwell,
            header.larmor_frequency_hz,
            header.echo_times_s,
            header.protocol,
            header.inversion_times_s,
            header.repetition_times_s,
        ),
        text,
    )


def _signal_records(path: Path) -> tuple[str, NDArray[Any], NDArray[np.int64]]:
    """Header, acquisitions that are signal, and their places in the file."""
    h5py = import_extra("h5py", "raw")
    try:
        with h5py.File(path, "r") as file:
            group = _group(file, h5py)
            text = _header_text(group)
            records = _records(group)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise BadInput(
            f"the MRD file cannot be read: {str(error).replace(str(path), path.name)}",
            remedy="copy it again from the scanner; it may be cut short, or still be written",
        ) from error
    places = np.flatnonzero(records["head"]["flags"] & _NOT_SIGNAL == 0)
    if not len(places):
        raise BadInput(
            f"the MRD file has no signal: {len(records)} acquisitions, of which all are noise, navigation, "
            "dummies or the like",
            remedy="check that the scan ran to its end",
        )
    return text, records[places], places


def _group(file: Any, h5py: Any) -> Any:
    names = [name for name in file if isinstance(file[name], h5py.Group)]
    name = "dataset" if "dataset" in names else names[0] if len(names) == 1 else None
    if name is None:
        raise BadInput(
            f"the HDF5 file has no group 'dataset'; its groups: {', '.join(names) or 'none'}",
            remedy="give a file of MRD (ISMRMRD) version 1",
        )
    return file[name]


def _header_text(group: Any) -> str:
    if "xml" not in group or not group["xml"].size:
        raise BadInput(
            f"the MRD file has no header ({group.name}/xml)",
            remedy="write it with the acquisitions, as ismrmrd's Dataset.write_xml_header does",
        )
    value = np.ravel(group["xml"][()])[0]
    return value if isinstance(value, str) else bytes(value).rstrip(b"\0").decode()


def _records(group: Any) -> NDArray[Any]:
    data = group.get("data")
    fields: Any = getattr(getattr(data, "dtype", None), "fields", None) or {}
    if not {"head", "data"} <= set(fields) or not set(fields["head"][0].names or ()) >= _HEAD:
        raise BadInput(
            f"{group.name}/data is not a table of MRD acquisitions",
            remedy="give raw data, not images, in MRD (ISMRMRD) version 1",
        )
    return np.ravel(data.fields(["head", "data"])[()])


def _require_alike(values: NDArray[Any], places: NDArray[np.int64], name: str) -> None:
    other = np.flatnonzero(values != values[0])
    if len(other):
        raise BadInput(
            f"acquisition {places[other[0]]} has {name} {values[other[0]]!s}; expected {values[0]!s}, as in "
            f"acquisition {places[0]}",
            remedy="keep readouts of one length, one set of coils and one dwell time in a file",
        )


def _order(counters: NDArray[Any]) -> NDArray[np.int64]:
    """(shots, echoes): which acquisition belongs there."""
    keys = np.stack([counters[name] for name in _SHOT_COUNTERS], 1)
    each, which = np.unique(keys, axis=0, return_inverse=True)
    shot = which.ravel()
    contrast = counters["contrast"].astype(np.int64)
    contrasts = np.unique(contrast)
    shots, echoes = len(each), len(contrasts)
    if echoes == 1:
        contrast = np.zeros_like(contrast)
    elif contrasts[-1] >= echoes:
        lacking = np.setdiff1d(np.arange(contrasts[-1]), contrasts)[0]
        raise BadInput(
            f"no acquisition has the counter contrast {lacking}; expected all from 0 to {contrasts[-1]}",
            remedy=_NUMBERING,
        )
    slots, counts = np.unique(shot * echoes + contrast, return_counts=True)
    if counts.max() > 1:
        at, echo = divmod(int(slots[counts.argmax()]), echoes)
        raise BadInput(
            f"{_named(at, keys, shot)} has echo {echo} {counts.max()} times; expected it once",
            remedy=_NUMBERING,
        )
    if len(slots) < shots * echoes:
        fewest = int(np.bincount(shot).argmin())
        raise BadInput(
            f"{_named(fewest, keys, shot)} of {shots} shots has {np.bincount(shot)[fewest]} echoes; expected "
            f"{echoes}, one for each value of the counter contrast",
            remedy=_NUMBERING + "; all other counters are the same throughout a shot",
        )
    return np.argsort(shot * echoes + contrast).reshape(shots, echoes)


def _named(at: int, keys: NDArray[Any], shot: NDArray[np.int64]) -> str:
    """The shot and those of its counters that vary in the file."""
    key = keys[np.flatnonzero(shot == at)[0]]
    varying = (keys != keys[0]).any(0)
    told = [f"{name} {key[i]}" for i, name in enumerate(_SHOT_COUNTERS) if varying[i]]
    return f"shot {at}" + (f" ({', '.join(told)})" if told else "")


def _require_ascending(times: NDArray[np.uint32], clock: str) -> None:
    """`times` (shots, echoes) of a clock; one that stands still tells nothing.

    Clocks start again behind 2^32 - 1, so the shorter way between two times is the one that was taken.
    """
    back = np.argwhere(np.diff(times, axis=1).view(np.int32) < 0)
    if len(back):
        shot, echo = back[0]
        raise BadInput(
            f"echoes are swapped: in shot {shot}, contrast {echo + 1} was acquired before contrast {echo} "
            f"({clock} {times[shot, echo + 1]}, {times[shot, echo]})",
            remedy="number the echoes by time, from 0",
        )
