"""Raw MR signals in MaRGE's `.mat` files, which it writes for MaRCoS consoles."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.extra import import_extra
from edgemed.types.acquisition import Acquisition
from edgemed.types.raw_signal import RawSignal

_MOST_OVERSAMPLING = 32
"""MaRGE's marge/configs/hw_config.py has 5."""
_MOST = 2**17
"""Scans, echoes or points: its maxRdPoints, and more would fill the memory."""


def read_marge(path: Path) -> RawSignal:
    """The samples that a sequence left in its `.mat`, one coil; `protocol` is its `seqName`, and its
    `phase_mode` where it has one.

    Format: the repository josalggui/MaRGE, `saveRawData` in marge/seq/mriBlankSeq.py (mapVals, saved as they
    are) and the sequences below. All have `larmorFreq` in MHz, `nPoints` of a readout, `acqTime` in ms,
    and most `repetitionTime` in ms.

    - TSE and CPMG (marge/seq/cpmg.py): `dataFull`, oversampled, `nScans` shots of `etl` echoes, `echoSpacing`
      ms apart; `bw` in MHz is that of `nPoints`. MaRGE's own `data` are not read: its analysis sets the first
      and last sample of each echo to 0.
    - FID (marge/seq/fid.py): `data`, the mean of its scans, one echo; `bw` in MHz. Its echo time is the
      readout's middle: half of `rfExTime`, then `deadTime`, both in us, and half of `acqTime`.
    - InversionRecovery (marge/seq/inversionRecovery.py): `data`, `nSteps` shots of one echo at `echoTime`
      ms, the inversion times from `tInv0` to `tInv1` ms in a geometric series; `bw` in Hz.

    Others keep k-space or averages, in an order that the file does not tell. Raises `BadInput` for them,
    where a field is missing or not as above, where `bw` is not `nPoints` / `acqTime` (MaRGE's demo mode), and
    for a torn file.
    """
    fields = _Fields(_load(path))
    sequence = fields.text("seqName")
    taken = _SEQUENCES.get(sequence)
    if taken is None:
        raise BadInput(
            f"field seqName is {sequence!r}; its raw samples are not known to be complete",
            remedy=f"known: {', '.join(_SEQUENCES)}; or write the raw signal as MRD (.h5) or .npz",
        )
    return taken(fields).signal(fields, sequence)


@dataclass(frozen=True)
class _Taken:
    """How a sequence's samples lie. `bandwidth_hz` is that of `nPoints` samples."""

    samples: NDArray[np.complex64]
    shots: int
    bandwidth_hz: float
    echo_times_s: tuple[float, ...]
    inversion_times_s: tuple[float, ...] | None = None
    oversampled: bool = False

    def signal(self, fields: _Fields, sequence: str) -> RawSignal:
        points = fields.count("nPoints")
        asked_hz = points / fields.number("acqTime") * 1e3
        if not math.isclose(self.bandwidth_hz, asked_hz, rel_tol=0.05):
            raise BadInput(
                f"field bw says {self.bandwidth_hz / 1e3:g} kHz; expected {asked_hz / 1e3:g} kHz, nPoints / "
                "acqTime",
                remedy="give a measured file: MaRGE's demo mode writes another bw",
            )
        readouts = self.shots * len(self.echo_times_s)
        factor, rest = divmod(self.samples.size, readouts * points)
        most = _MOST_OVERSAMPLING if self.oversampled else 1
        if rest or not 1 <= factor <= most:
            raise BadInput(
                f"the file has {self.samples.size} samples; expected {readouts} readouts x {points} nPoints"
                + (f" x an oversampling factor, whole and at most {most}" if self.oversampled else "")
            )
        return RawSignal(
            self.samples.reshape(self.shots, len(self.echo_times_s), factor * points, 1),
            Acquisition(
                dwell_time_s=1.0 / (self.bandwidth_hz * factor),
                larmor_frequency_hz=fields.number("larmorFreq") * 1e6,
                echo_times_s=self.echo_times_s,
                protocol=f"{sequence} {fields.text('phase_mode')}" if fields.has("phase_mode") else sequence,
                inversion_times_s=self.inversion_times_s,
                repetition_times_s=(fields.number("repetitionTime") * 1e-3,)
                if fields.has("repetitionTime")
                else None,
            ),
        )


class _Fields:
    """The file's variables; whatever is asked for and is not there, or not so, is a `BadInput`."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        value = self._get(name)
        if not isinstance(value, str) or not value:
            raise BadInput(f"field {name} is no text")
        return value

    def number(self, name: str) -> float:
        value = np.asarray(self._get(name))
        if value.size != 1 or value.dtype.kind not in "iuf" or not 0 < value.item() < math.inf:
            raise BadInput(f"field {name} is {value.tolist()!r:.80}; expected one number above 0")
        return float(value.item())

    def count(self, name: str) -> int:
        value = self.number(name)
        if not value.is_integer() or value > _MOST:
            raise BadInput(f"field {name} is {value:g}; expected a whole number of at most {_MOST}")
        return int(value)

    def samples(self, name: str) -> NDArray[np.complex64]:
        value = np.ravel(self._get(name))
        if value.dtype.kind != "c":
            raise BadInput(f"field {name} is {value.dtype}; expected complex samples")
        with np.errstate(over="ignore"):
            return value.astype(np.complex64)

    def has(self, name: str) -> bool:
        return name in self._values

    def is_set(self, name: str) -> bool:
        return bool(np.any(self._values.get(name, 0)))

    def _get(self, name: str) -> Any:
        if name not in self._values:
            raise BadInput(
                f"the .mat file has no field {name}",
                remedy="give the file that MaRGE wrote after the scan, with all its fields",
            )
        return self._values[name]


def _load(path: Path) -> dict[str, Any]:
    io = import_extra("scipy.io", "raw")
    matlab = import_extra("scipy.io.matlab", "raw")
    try:
        values: dict[str, Any] = io.loadmat(path, simplify_cells=True, variable_names=_NAMES)
    except NotImplementedError as error:
        raise BadInput("the .mat file is of version 7.3; expected 5, as MaRGE writes") from error
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        OverflowError,
        MemoryError,
        UnboundLocalError,  # scipy 1.17, for an array of no known type
        struct.error,
        zlib.error,
        matlab.MatReadError,
    ) as error:
        raise BadInput(
            f"the .mat file cannot be read: {str(error).replace(str(path), path.name)}",
            remedy="copy it again from the scanner; it may be cut short",
        ) from error
    return values


def _echo_train(fields: _Fields) -> _Taken:
    spacing_s = fields.number("echoSpacing") * 1e-3
    return _Taken(
        fields.samples("dataFull"),
        shots=fields.count("nScans"),
        bandwidth_hz=fields.number("bw") * 1e6,
        echo_times_s=tuple(spacing_s * echo for echo in range(1, fields.count("etl") + 1)),
        oversampled=True,
    )


def _fid(fields: _Fields) -> _Taken:
    if fields.is_set("readRFpulse"):
        raise BadInput(
            "field readRFpulse is set: the readout holds the pulse", remedy="take the signal without it"
        )
    start_s = (fields.number("rfExTime") / 2 + fields.number("deadTime")) * 1e-6
    return _Taken(
        fields.samples("data"),
        shots=1,
        bandwidth_hz=fields.number("bw") * 1e6,
        echo_times_s=(start_s + fields.number("acqTime") / 2 * 1e-3,),
    )


def _inversion_recovery(fields: _Fields) -> _Taken:
    steps = fields.count("nSteps")
    inversions_s = None
    if fields.has("tInv0") and fields.has("tInv1"):
        swept = np.geomspace(fields.number("tInv0"), fields.number("tInv1"), steps) * 1e-3
        inversions_s = tuple(swept.tolist())
    return _Taken(
        fields.samples("data"),
        shots=steps,
        bandwidth_hz=fields.number("bw"),
        echo_times_s=(fields.number("echoTime") * 1e-3,),
        inversion_times_s=inversions_s,
    )


_SEQUENCES: dict[str, Callable[[_Fields], _Taken]] = {
    "TSE": _echo_train,
    "CPMG": _echo_train,
    "FID": _fid,
    "InversionRecovery": _inversion_recovery,
}
_NAMES = (
    "seqName",
    "larmorFreq",
    "nPoints",
    "acqTime",
    "bw",
    "nScans",
    "etl",
    "echoSpacing",
    "dataFull",
    "data",
    "rfExTime",
    "deadTime",
    "readRFpulse",
    "nSteps",
    "echoTime",
    "repetitionTime",
    "phase_mode",
    "tInv0",
    "tInv1",
)
