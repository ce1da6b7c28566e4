"""One raw MR signal in an `.npz` archive."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.npy_entry import read_npy
from edgemed.types.acquisition import Acquisition
from edgemed.types.raw_signal import RawSignal

_SIGNAL = "signal"
_DWELL = "dwell_time_s"
_LARMOR = "larmor_frequency_hz"
_ECHO_TIMES = "echo_times_s"
_PROTOCOL = "protocol"
_INVERSIONS = "inversion_times_s"
_REPETITIONS = "repetition_times_s"
_FORM = "store one signal, of these axes in this order"
_ALONE = (
    "one signal is read here: store one alone, such as signal[0], as an .npz of one signal with the other "
    "arrays beside it; sets of many are for edgemed compile and edgemed judge"
)


def read_raw_npz(path: Path) -> RawSignal:
    """Of an archive of one signal: the array `signal`, complex (shots, echoes, samples, coils), taken as the
    others say (`acquisition_in`).

    With one coil `signal` may be (shots, echoes, samples), with one shot too (echoes, samples), where only
    the axis of the echoes is as long as `echo_times_s`; a set of one signal, of five axes, is that signal.
    Raises `BadInput` for a torn archive, pickled objects, and arrays that are missing or of another form.
    """
    acquisition = acquisition_in(path)
    signal = _load(path, _SIGNAL)[_SIGNAL]
    return RawSignal(_four_axes(signal, len(acquisition.echo_times_s)), acquisition)


def acquisition_in(path: Path) -> Acquisition:
    """The arrays `dwell_time_s`, `larmor_frequency_hz`, `echo_times_s` (echoes,) and `protocol`, a text;
    where they are there, `inversion_times_s` and `repetition_times_s`, one number or one for each shot.

    Raises `BadInput` as `read_raw_npz` does.
    """
    arrays = _load(path, _DWELL, _LARMOR, _ECHO_TIMES, _PROTOCOL, optional=(_INVERSIONS, _REPETITIONS))
    for name in (_DWELL, _LARMOR):
        if arrays[name].dtype.kind not in "iuf" or arrays[name].size != 1:
            raise _other_form(name, arrays[name], "one number")
    if arrays[_PROTOCOL].dtype.kind != "U" or arrays[_PROTOCOL].size != 1:
        raise _other_form(_PROTOCOL, arrays[_PROTOCOL], "one text")
    return Acquisition(
        dwell_time_s=float(arrays[_DWELL].item()),
        larmor_frequency_hz=float(arrays[_LARMOR].item()),
        echo_times_s=_times(arrays, _ECHO_TIMES),
        protocol=str(arrays[_PROTOCOL].item()),
        inversion_times_s=_times(arrays, _INVERSIONS) if _INVERSIONS in arrays else None,
        repetition_times_s=_times(arrays, _REPETITIONS) if _REPETITIONS in arrays else None,
    )


def _times(arrays: dict[str, NDArray[Any]], name: str) -> tuple[float, ...]:
    times = np.atleast_1d(arrays[name])
    if times.dtype.kind not in "iuf" or times.ndim != 1:
        raise _other_form(name, times, f"({'echoes' if name == _ECHO_TIMES else 'shots'},) numbers")
    return tuple(float(time) for time in times)


def _load(path: Path, *names: str, optional: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [name.removesuffix(".npy") for name in archive.namelist()]
            missing = [name for name in names if name not in found]
            if missing:
                raise BadInput(
                    f"the archive has no array {', '.join(missing)}; it has {', '.join(found) or 'none'}",
                    remedy="store how the signal was taken beside it: dwell_time_s, larmor_frequency_hz, "
                    "echo_times_s, protocol",
                )
            there = (*names, *(name for name in optional if name in found))
            return {name: _array(archive, name) for name in there}
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise BadInput(f"the archive cannot be read: {error}") from error


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Not by `np.load`, which leaves a torn archive open."""
    with archive.open(f"{name}.npy") as file:
        return read_npy(file)


def _four_axes(signal: NDArray[Any], echoes: int) -> NDArray[np.complex64]:
    if signal.ndim == 5 and len(signal) == 1:
        signal = signal[0]
    axis = signal.ndim - 2
    clear = signal.ndim == 4 or (
        axis in (0, 1) and [i for i, length in enumerate(signal.shape) if length == echoes] == [axis]
    )
    if signal.dtype.kind != "c" or not clear:
        several = signal.dtype.kind == "c" and signal.ndim == 5
        expected = f"complex (shots, {echoes} echoes, samples, coils)"
        raise _other_form(_SIGNAL, signal, expected, _ALONE if several else _FORM)
    if signal.ndim < 4:
        signal = signal[..., np.newaxis]
    if signal.ndim < 4:
        signal = signal[np.newaxis]
    with np.errstate(over="ignore"):
        return signal.astype(np.complex64)


def _other_form(name: str, array: NDArray[Any], expected: str, remedy: str = "") -> BadInput:
    return BadInput(
        f"array {name!r} is {array.dtype} of shape {array.shape}; expected {expected}", remedy=remedy
    )
