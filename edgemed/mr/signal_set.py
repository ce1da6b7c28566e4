"""SignalSet: raw signals and what is known of them, read whole, for training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers import describe, open_set
from edgemed.readers.reference import Reference
from edgemed.types import InputSpec, OutputSpec
from edgemed.types.acquisition import LAYOUT

INPUT = "signal"
SHARE = 0.2
"""Of the groups, where a validation set is split off."""
_SPLITS = 100


@dataclass(frozen=True)
class SignalSet:
    """`signals` float32 (n, shots, echoes, samples, coils, 2); `targets` by head: class numbers int64 (n,) or
    values float64 (n,); `groups` (n,) the patient, head or substance that each signal is of, its own content
    where none is named; `grouped`: some is."""

    signals: NDArray[np.float32]
    targets: dict[str, NDArray[Any]]
    groups: NDArray[np.str_]
    grouped: bool

    def __len__(self) -> int:
        return len(self.signals)

    def rows(self, chosen: NDArray[np.intp]) -> SignalSet:
        targets = {name: target[chosen] for name, target in self.targets.items()}
        return SignalSet(self.signals[chosen], targets, self.groups[chosen], self.grouped)

    def split(self, heads: Sequence[OutputSpec], seed: int) -> tuple[SignalSet, SignalSet]:
        """All but about a fifth of the groups, and that fifth, with every class on both sides.

        Raises `BadInput` where no such split is found: with fewer than 2 groups of a class.
        """
        groups = np.unique(self.groups)
        random = np.random.default_rng(seed)
        for _ in range(_SPLITS):
            held = np.isin(self.groups, random.permutation(groups)[: math.ceil(SHARE * len(groups))])
            parts = self.rows(np.flatnonzero(~held)), self.rows(np.flatnonzero(held))
            if all(part.varies(heads) for part in parts):
                return parts
        raise BadInput(
            f"no fifth of the {len(groups)} groups of {len(self)} signals holds all classes, "
            "and leaves all, for a validation set",
            where="TRAIN",
            remedy="name the patients with ::group=COLUMN, give more of them, or give --validate SET",
        )

    def varies(self, heads: Sequence[OutputSpec]) -> bool:
        """Whether every class is there, and values differ."""
        return all(
            len(np.unique(self.targets[head.name])) >= (head.columns if head.kind == "multiclass" else 2)
            for head in heads
        )


def joined(one: SignalSet, other: SignalSet) -> SignalSet:
    return SignalSet(
        np.concatenate((one.signals, other.signals)),
        {name: np.concatenate((target, other.targets[name])) for name, target in one.targets.items()},
        np.concatenate((one.groups, other.groups)),
        one.grouped or other.grouped,
    )


def raw_input(ref: str, base: Path) -> InputSpec:
    """The raw signal in the set `ref`. Raises `BadInput` where there is none."""
    description = describe(ref, base=base)
    for array in description.arrays:
        if array.acquisition is not None and (array.name == INPUT or array.name in description.inputs):
            return InputSpec(INPUT, "float32", array.shape, LAYOUT, array.acquisition)
    raise BadInput(
        "the set holds no raw MR signals",
        where=ref,
        remedy="give a table of the scanner's files (.h5, .mrd, .mat), or an .npz of complex signals "
        "with dwell_time_s, larmor_frequency_hz, echo_times_s and protocol",
    )


def classes_in(ref: str, column: str, base: Path) -> tuple[str, ...]:
    """The classes that `column` of the set has. Raises `BadInput` where it has not at least 2."""
    reference = Reference.parse(ref)
    kind = "label" if reference.path.lower().endswith(".csv") else "y"
    classes = describe(with_keys(ref, {kind: column}), base=base).classes
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "empty cells, fractions, or a hundred names and more"
        raise BadInput(
            f"{column!r} holds {found}: expected at least 2 classes",
            where=ref,
            remedy="a class is a name or a whole number, in each row; volumes and such are for --value",
        )
    return classes


def with_keys(ref: str, keys: dict[str, str]) -> str:
    """`ref` with further `key=value`."""
    return ref + (",", "::")["::" not in ref] + ",".join(f"{key}={value}" for key, value in keys.items())


def load_signals(ref: str, spec: InputSpec, heads: Sequence[OutputSpec], base: Path) -> SignalSet:
    """All of the set `ref`, whose columns of labels have the names of `heads`.

    Raises what `open_set` raises, and `BadInput` where signals were taken otherwise than `spec` says.
    """
    asked = with_keys(ref, {f"y.{head.name}": head.name for head in heads})
    samples = list(open_set(asked, (spec,), heads, base=base))
    return SignalSet(
        np.stack([sample.inputs[spec.name] for sample in samples]),
        {head.name: np.array([sample.targets[head.name].item() for sample in samples]) for head in heads},
        np.array([sample.group or sample.content.hex() for sample in samples]),
        any(sample.group for sample in samples),
    )
