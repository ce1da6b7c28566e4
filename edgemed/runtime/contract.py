"""Contract: what the inputs of a call must be, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.errors import BadInput
from edgemed.runtime.signal_check import check_signals
from edgemed.types import Acquisition, InputSpec, Manifest, ValueRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXACT = 2**53
"""Whole numbers up to here are exact as float."""


class Contract:
    """Of one artefact's inputs."""

    def __init__(self, manifest: Manifest) -> None:
        self._specs = tuple((spec, np.dtype(spec.dtype)) for spec in manifest.inputs)
        self._floats = tuple(spec for spec, dtype in self._specs if dtype.kind == "f")
        self._raw = tuple(
            (spec, spec.acquisition) for spec in manifest.inputs if spec.acquisition is not None
        )
        self._signals = manifest.signals
        self._ranges = tuple(
            (spec.name, manifest.values[spec.name], *_bounds(manifest.values[spec.name], dtype))
            for spec, dtype in self._specs
            if spec.name in manifest.values
        )
        checked = {*(spec.name for spec, _ in self._raw), *(name for name, *_ in self._ranges)}
        self._unbounded = tuple(spec for spec in self._floats if spec.name not in checked)

    def check(self, inputs: Mapping[str, NDArray[Any]], acquisition: Acquisition | None) -> int:
        """The number of samples. Raises `BadInput` where a name, a dtype or a shape is another, a value is
        not finite or beyond what the artefact was made for, and for what `check_signals` refuses."""
        if self._raw and not isinstance(acquisition, Acquisition):
            given = "" if acquisition is None else f", and acquisition is a {type(acquisition).__name__}"
            raise BadInput(
                f"raw MR signals do not show how they were taken{given}",
                where=f"input {self._raw[0][0].name}",
                remedy="signal = edgemed.readers.read_raw(Path(FILE)), then acquisition=signal.acquisition, "
                "or an edgemed.types.Acquisition of your own",
            )
        batch = self._check_shapes(inputs)
        for spec in self._unbounded:
            _check_finite(spec.name, inputs[spec.name])
        for spec, known in self._raw:
            assert acquisition is not None
            known.check(acquisition)
            check_signals(spec, self._signals.get(spec.name), inputs[spec.name])
        for name, allowed, low, high in self._ranges:
            array = inputs[name]
            if len(allowed.low) == 1:
                least, most = array.min(), array.max()
                inside = low[0] <= least and most <= high[0]
                if inside and (batch > 1 or float(most) - float(least) < allowed.span):
                    _check_spans(name, array, allowed.span)
            else:
                inside = ((low <= array) & (array <= high)).all()
            if not inside:
                _check_finite(name, array)
                raise _beyond(name, array, allowed)
        return batch

    def check_arrays(self, inputs: Mapping[str, NDArray[Any]]) -> int:
        """The same of names, dtypes, shapes and finite values alone, as golden cases are held to."""
        batch = self._check_shapes(inputs)
        for spec in self._floats:
            _check_finite(spec.name, inputs[spec.name])
        return batch

    def _check_shapes(self, inputs: Mapping[str, NDArray[Any]]) -> int:
        if not isinstance(inputs, Mapping):
            raise BadInput(f"inputs are a {type(inputs).__name__}; expected a dict of arrays by name")
        if len(inputs) != len(self._specs) or any(spec.name not in inputs for spec, _ in self._specs):
            expected = ", ".join(spec.name for spec, _ in self._specs)
            raise BadInput(f"inputs are {', '.join(inputs) or 'none'}; expected {expected}")
        first = inputs[self._specs[0][0].name]
        batch = len(first) if isinstance(first, np.ndarray) and first.ndim else 0
        for spec, dtype in self._specs:
            _check_array(spec, dtype, inputs[spec.name], batch)
        return batch


def _check_array(spec: InputSpec, dtype: np.dtype[Any], array: NDArray[Any], batch: int) -> None:
    if not isinstance(array, np.ndarray):
        raise BadInput(f"input {spec.name!r} is a {type(array).__name__}; expected a numpy array")
    if array.dtype != dtype:
        remedy = (
            "give the values as they were recorded, before any scaling to 0..1" if dtype.kind != "f" else ""
        )
        raise BadInput(f"input {spec.name!r} is {array.dtype}; expected {spec.dtype}", remedy=remedy)
    if array.shape != (batch, *spec.shape) or batch < 1:
        raise BadInput(
            f"input {spec.name!r} is {array.dtype} {array.shape}; expected {spec.dtype} (N, "
            + ", ".join(map(str, spec.shape))
            + ")",
        )


def _check_spans(name: str, array: NDArray[Any], least: float) -> None:
    """Of each sample in a batch."""
    for number, sample in enumerate(array):
        if (found := float(sample.max()) - float(sample.min())) < least:
            raise BadInput(
                f"its values differ by {found:.6g} at most, at least {least:.6g} is expected: there is no "
                "picture or signal in it, or it was scaled",
                where=f"input {name}" + (f", case {number} of the batch" if len(array) > 1 else ""),
                remedy="look whether the detector or receiver was on, and give the values as the data sets "
                "have them",
            )


def _check_finite(name: str, array: NDArray[Any]) -> None:
    if not np.isfinite(array).all():
        raise BadInput(f"input {name!r} holds NaN or infinite values")


def _bounds(allowed: ValueRange, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """In the input's own dtype: nothing is converted in a call."""
    if dtype.kind == "f":
        least, most = float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    else:
        least, most = max(np.iinfo(dtype).min, -_EXACT), min(np.iinfo(dtype).max, _EXACT)
    low, high = (np.clip(bounds, least, most).astype(dtype) for bounds in (allowed.low, allowed.high))
    return low, high


def _beyond(name: str, array: NDArray[Any], allowed: ValueRange) -> BadInput:
    values = array.reshape(-1, len(allowed.low))
    lows, highs = values.min(axis=0), values.max(axis=0)
    column = int(np.argmax((lows < allowed.low) | (highs > allowed.high)))
    where = f", column {column}" if len(allowed.low) > 1 else ""
    return BadInput(
        f"values from {float(lows[column]):.6g} to {float(highs[column]):.6g}, the artefact was made for "
        f"{allowed.low[column]:.6g} to {allowed.high[column]:.6g}",
        where=f"input {name}{where}",
        remedy="give them in the unit and scale of the calibration set",
    )
