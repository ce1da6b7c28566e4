"""What goes into a model and what comes out: the contract between data, graph and device."""

from __future__ import annotations

import math
from typing import Literal

from edgemed.errors import BadInput
from edgemed.types.acquisition import LAYOUT, Acquisition
from edgemed.types.record import Record

DType = Literal["uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32"]
Layout = Literal["", "HW", "HWC", "CHW", "DHW", "DHWC", "CDHW", "L", "CL", "LC", "TESKQ"]
Kind = Literal["binary", "multiclass", "multilabel", "regression"]
Ending = Literal["logits", "sigmoid", "softmax", "probabilities", "values"]


class InputSpec(Record):
    """One input of an artefact: the raw array of one sample, without the batch axis.

    `layout` names the axes for readers that decode pictures or volumes; "" for tables and arrays that are
    taken as they are, `TESKQ` for raw MR signals (`RawSignal.array`). `channels` of 1 or 3 in an `HWC` or
    `CHW` layout decide gray or RGB.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    layout: Layout = ""
    acquisition: Acquisition | None = None
    """How a raw MR signal (`TESKQ`) must have been taken."""

    def __post_init__(self) -> None:
        if any(n < 1 for n in self.shape):
            raise BadInput(f"shape {list(self.shape)} has an axis below 1", where=f"inputs.{self.name}.shape")
        if self.layout and len(self.layout) != len(self.shape):
            raise BadInput(
                f"layout {self.layout!r} does not fit shape {list(self.shape)}", where=f"inputs.{self.name}"
            )
        if self.acquisition is not None and self.layout != LAYOUT:
            raise BadInput("an acquisition is of raw MR signals only", where=f"inputs.{self.name}")
        if self.acquisition is not None and len(self.acquisition.echo_times_s) != self.shape[1]:
            raise BadInput(
                f"{len(self.acquisition.echo_times_s)} echo times for {self.shape[1]} echoes",
                where=f"inputs.{self.name}",
            )

    @property
    def samples(self) -> int:
        """Number of elements in one sample."""
        return math.prod(self.shape)


class OutputSpec(Record):
    """One output (head) of an artefact.

    The graph of an artefact ends in probabilities for `binary` (one column, or two whose second is the
    positive class), `multiclass` (rows sum to one) and `multilabel` heads, and in values for `regression`.
    `threshold` is the operating point: a case is positive when its probability is at least that.
    """

    name: str
    kind: Kind
    columns: int
    labels: tuple[str, ...] = ()
    threshold: float = 0.5
    unit: str = ""

    def __post_init__(self) -> None:
        if self.columns < 1:
            raise BadInput(
                f"{self.columns} columns; expected at least 1", where=f"outputs.{self.name}.columns"
            )
        if self.kind != "regression" and not 0.0 < self.threshold < 1.0:
            raise BadInput(
                f"threshold {self.threshold} is not between 0 and 1", where=f"outputs.{self.name}.threshold"
            )
