"""DecayTable: a relaxometer's real-valued echo decays, and as which raw MR signals they are taken."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.disk import disk_failure, write_whole
from edgemed.errors import BadInput
from edgemed.readers.npy_entry import NpyEntry, names_in
from edgemed.types import Acquisition, did_you_mean
from edgemed.types.acquisition import SAME_TIME

SIGNAL = "signal"
_RESERVED = {SIGNAL, *(field.name for field in fields(Acquisition))}


@dataclass(frozen=True)
class DecayTable:
    """`decays` float32 (n, echoes), one value an echo; `times_s` float64 (echoes,), evenly spaced;
    `columns` what else is known of each decay, arrays (n, ...) by name."""

    decays: NDArray[np.float32]
    times_s: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.decays)

    def only(self, wanted: Mapping[str, Sequence[str]]) -> DecayTable:
        """The decays with one of the `wanted` values in each column named there, in their order.

        Raises `BadInput` for a column, or a value in it, that the table does not have.
        """
        kept = np.ones(len(self), bool)
        for name, values in wanted.items():
            if name not in self.columns:
                raise BadInput(
                    f"no column {name!r}", where="--only", remedy=did_you_mean(name, tuple(self.columns))
                )
            found = np.array([str(value) for value in self.columns[name]])
            for value in values:
                if value not in found:
                    raise BadInput(
                        f"no decay has {name} {value!r}",
                        where="--only",
                        remedy=did_you_mean(value, tuple(np.unique(found))),
                    )
            kept &= np.isin(found, list(values))
        if not kept.any():
            raise BadInput("no decay has all that is asked for", where="--only", remedy="ask for less")
        columns = {name: column[kept] for name, column in self.columns.items()}
        return DecayTable(self.decays[kept], self.times_s, columns)

    def acquisition(self, larmor_frequency_hz: float, protocol: str) -> Acquisition:
        """Of one sample an echo, so that the dwell time is the spacing of the echoes.

        Times that start at 0 count from the first echo, which a CPMG train has one spacing after its
        excitation; any other count from the excitation.
        """
        spacing = _spacing(self.times_s)
        times = self.times_s + spacing if self.times_s[0] == 0 else self.times_s
        return Acquisition(spacing, larmor_frequency_hz, tuple(times.tolist()), protocol)

    def write(self, path: Path, acquisition: Acquisition) -> None:
        """An `.npz` of `signal` complex64 (n, 1, echoes, 1, 1), I the decay and Q 0, what
        `acquisition` states, and the columns. Raises `ToolFailure` where it cannot be written."""
        stated = acquisition.to_dict().items()
        taken = {name: np.array(value) for name, value in stated if value is not None}
        signal = self.decays.astype(np.complex64)[:, None, :, None, None]
        file = io.BytesIO()
        np.savez(file, **{SIGNAL: signal}, **taken, **self.columns)  # type: ignore[arg-type]
        try:
            write_whole(path, file.getvalue())
        except OSError as error:
            raise disk_failure(error, path) from None


def read_decays(path: Path, signal: str, times: str) -> DecayTable:
    """The arrays `signal` (n, echoes) and `times` (echoes,) in s of an `.npz`; every other array of n rows is
    a column.

    Raises `BadInput` for a torn archive, pickled objects, arrays that are missing or of another form, samples
    that are not finite, times that are not evenly spaced from 0 or later, and columns whose names say how a
    raw signal was taken.
    """
    names = names_in(path)
    for name in (signal, times):
        if name not in names:
            raise BadInput(
                f"no array {name!r}; there are {', '.join(names) or 'none'}",
                where=str(path),
                remedy="name the decays with --signal ARRAY and the echo times with --times ARRAY",
            )
    arrays = {name: NpyEntry(path, name) for name in names}
    _check_form(arrays[signal], arrays[times])
    columns = {
        name: entry.whole()
        for name, entry in arrays.items()
        if name not in (signal, times) and entry.shape[:1] == arrays[signal].shape[:1]
    }
    if clash := sorted(_RESERVED & set(columns)):
        raise BadInput(
            f"a column is named {clash[0]!r}, as what says how a raw signal was taken",
            where=str(path),
            remedy="store it under another name",
        )
    with np.errstate(over="ignore"):
        decays = arrays[signal].whole().astype(np.float32)
    broken = np.argwhere(~np.isfinite(decays))
    if len(broken):
        row, echo = broken[0]
        raise BadInput(
            f"{len(broken)} of {decays.size} samples are not finite in float32, the first in row {row}, "
            f"echo {echo}",
            where=arrays[signal].where,
            remedy="leave such decays out: NaN and infinity are no measurements",
        )
    times_s = arrays[times].whole().astype(np.float64)
    _check_times(times_s, arrays[times].where)
    return DecayTable(decays, times_s, columns)


def _check_form(signal: NpyEntry, times: NpyEntry) -> None:
    if signal.dtype.kind == "c":
        raise BadInput(
            "the samples are complex already",
            where=signal.where,
            remedy="no decays, but raw signals: store beside them dwell_time_s, larmor_frequency_hz, "
            "echo_times_s and protocol, and name the .npz itself",
        )
    if times.dtype.kind not in "iuf" or len(times.shape) != 1 or len(times) < 2:
        raise BadInput(
            f"the times are {times.dtype} {list(times.shape)}; expected numbers (echoes,), 2 or more",
            where=times.where,
            remedy="name the echo times in s with --times ARRAY",
        )
    if signal.dtype.kind not in "iuf" or signal.row_shape != times.shape or not len(signal):
        raise BadInput(
            f"the decays are {signal.dtype} {list(signal.shape)}; expected real numbers (n, {len(times)} "
            "echoes)",
            where=signal.where,
            remedy="name the decays with --signal ARRAY, one row each",
        )


def _spacing(times_s: NDArray[np.float64]) -> float:
    return float((times_s[-1] - times_s[0]) / (len(times_s) - 1))


def _check_times(times_s: NDArray[np.float64], where: str) -> None:
    remedy = "give the echoes of one train, each as long after the last"
    if not np.isfinite(times_s).all():
        raise BadInput("the times are not all finite", where=where, remedy=remedy)
    spacing = _spacing(times_s)
    wrong = np.flatnonzero(np.abs(np.diff(times_s) - spacing) > SAME_TIME * spacing)
    if times_s[0] < 0 or spacing <= 0 or len(wrong):
        at = int(wrong[0]) if len(wrong) else 0
        raise BadInput(
            f"the times do not ascend evenly from 0 or later: {times_s[at]:g} s of echo {at} is followed by "
            f"{times_s[at + 1]:g} s, and the mean step is {spacing:g} s",
            where=where,
            remedy=remedy,
        )
