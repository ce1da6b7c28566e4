"""Study: what is to be learnt from raw signals, and the signals, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from edgemed.errors import BadInput
from edgemed.mr.raw_front import STEPS, RawFront
from edgemed.mr.shift import Shift
from edgemed.mr.signal_set import SignalSet, classes_in, load_signals, raw_input
from edgemed.mr.training import Schedule
from edgemed.types import InputSpec, OutputSpec, Record, Step
from edgemed.types.tensor import Kind

Architecture = Literal["cnn", "resnet", "linear-path"]


@dataclass(frozen=True)
class Study(Record):
    """What is asked of `edgemed mr train`.

    `train`, `validate` and `test` are references; without `validate` about a fifth of the groups is taken
    from `train`. `label` and `value` name columns: classes to tell apart, a number (in `unit`) to estimate.
    `snrs`: noise that is added, see `with_fresh_noise`. `seeds` networks start from `seed` on. With
    `leave_out` each group is left out in turn, and answered by what learnt from the others.
    """

    train: str
    validate: str | None = None
    test: str | None = None
    label: str | None = None
    value: str | None = None
    unit: str = ""
    steps: tuple[Step, ...] = STEPS
    architecture: Architecture = "cnn"
    snrs: tuple[float, ...] = ()
    shift: Shift = field(default_factory=Shift)
    schedule: Schedule = field(default_factory=Schedule)
    seeds: int = 1
    seed: int = 0
    leave_out: bool = False

    def __post_init__(self) -> None:
        if self.label is None and self.value is None:
            raise BadInput(
                "nothing to learn is named",
                where="--label",
                remedy="--label COLUMN of classes, --value COLUMN of numbers, or both",
            )
        if self.leave_out and self.test:
            raise BadInput("each group is the test of the others", where="--leave-out", remedy="drop --test")

    @property
    def refs(self) -> tuple[str, ...]:
        return tuple(ref for ref in (self.train, self.validate, self.test) if ref)


@dataclass(frozen=True)
class Material:
    """A study's data, read and checked."""

    spec: InputSpec
    heads: tuple[OutputSpec, ...]
    front: RawFront
    fit: SignalSet
    validate: SignalSet
    test: SignalSet | None


def gather(study: Study, base: Path) -> Material:
    """Read what `study` names.

    Raises `BadInput` where sets, columns and steps do not fit each other, and where sets share a group.
    """
    spec = raw_input(study.train, base)
    heads = []
    if study.label is not None:
        classes = classes_in(study.train, study.label, base)
        names = (f"no {study.label}", study.label) if classes == ("0", "1") else classes
        several = len(classes) > 2
        kind: Kind = "multiclass" if several else "binary"
        heads.append(OutputSpec(study.label, kind, len(classes) if several else 1, names))
    if study.value is not None:
        heads.append(OutputSpec(study.value, "regression", 1, unit=study.unit))
    front = RawFront(spec, study.steps)
    fit = load_signals(study.train, spec, heads, base)
    if study.validate is None:
        fit, validate = fit.split(heads, study.seed)
    else:
        validate = load_signals(study.validate, spec, heads, base)
    test = load_signals(study.test, spec, heads, base) if study.test else None
    for where, data in (("TRAIN", fit), ("--validate", validate), ("--test", test)):
        if data is not None:
            _check(data, heads, where)
    _refuse_shared(fit, validate, test)
    return Material(spec, tuple(heads), front, fit, validate, test)


def _check(data: SignalSet, heads: Sequence[OutputSpec], where: str) -> None:
    for head in heads:
        if not data.varies((head,)):
            found = ", ".join(f"{each:g}" for each in np.unique(data.targets[head.name]))
            raise BadInput(
                f"of {head.name!r} the {len(data)} signals hold {found} only",
                where=where,
                remedy="give signals of every class, and values that differ",
            )


def _refuse_shared(fit: SignalSet, validate: SignalSet, test: SignalSet | None) -> None:
    for where, other in (("--validate", validate), ("--test", test)):
        shared = np.intersect1d(fit.groups, fit.groups[:0] if other is None else other.groups)
        if len(shared):
            raise BadInput(
                f"{len(shared)} groups are in the training set too, such as {shared[0]!r}",
                where=where,
                remedy="a network that has seen a patient is not tested on that patient: divide them",
            )
