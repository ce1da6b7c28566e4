"""Study: what is to be learnt from raw signals, and the signals, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.mr.raw_front import STEPS, RawFront
from edgemed.mr.shift import Shift
from edgemed.mr.signal_set import SignalSet, classes_in, load_signals, raw_input
from edgemed.mr.training import Schedule
from edgemed.types import InputSpec, OutputSpec, Record, Step
from edgemed.types.tensor import Kind

Architecture = Literal["cnn", "resnet", "linear-path"]
_LARGEST = 1e30
"""Of a value, so that sums of them are float32 too."""


class Study(Record):
    """What is asked of `edgemed mr train`.

    `train`, `validate` and `test` are references; without `validate` about a fifth of the groups is taken
    from `train`. `label` and `value` name columns: classes to tell apart, a number (in `unit`) to estimate.
    `positive` is the one of two classes that is to be found, else the second by number or alphabet.
    `snrs`: noise that is added, see `with_fresh_noise`. `seeds` networks start from `seed` on. With
    `leave_out` each group is left out in turn, and answered by what learnt from the others.
    """

    train: str
    validate: str | None = None
    test: str | None = None
    label: str | None = None
    positive: str | None = None
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
        if self.label == self.value:
            raise BadInput(
                f"{self.label!r} is asked for as classes and as numbers",
                where="--value",
                remedy="name a column once",
            )
        for name in (self.label, self.value):
            if name and name.isdigit():
                raise BadInput(
                    f"an output of the network cannot be called {name}",
                    where="--label, --value",
                    remedy="give the column a name with a letter",
                )
        if any(step.op == "whiten" for step in self.steps):
            raise BadInput(
                "whitening is learnt, and added behind the steps", where="--steps", remedy="drop whiten"
            )
        numbers = (*self.snrs, self.shift.places, self.schedule.learning_rate)
        if not all(map(math.isfinite, numbers)):
            raise BadInput(
                "nan or inf among " + ", ".join(f"{number:g}" for number in numbers),
                where="--snr, --shift, --learning-rate",
                remedy="give numbers; without --snr no noise is added",
            )

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
        names = _class_names(classes, study.label, study.positive)
        several = len(classes) > 2
        kind: Kind = "multiclass" if several else "binary"
        heads.append(OutputSpec(study.label, kind, len(classes) if several else 1, names))
    if study.value is not None:
        heads.append(OutputSpec(study.value, "regression", 1, unit=study.unit))
    front = RawFront(spec, study.steps)
    fit = load_signals(study.train, spec, heads, base)
    _check(fit, heads, "TRAIN")
    if study.validate is None:
        fit, validate = fit.split(heads, study.seed)
    else:
        validate = load_signals(study.validate, spec, heads, base)
    test = load_signals(study.test, spec, heads, base) if study.test else None
    for where, data in (("--validate", validate), ("--test", test)):
        if data is not None:
            _check(data, heads, where)
    sets = (("the training set", fit), ("the validation set", validate), ("the test set", test))
    for (one, first), (other, second) in combinations([(name, data) for name, data in sets if data], 2):
        _refuse_shared(np.intersect1d(first.groups, second.groups), one, other)
    return Material(spec, tuple(heads), front, fit, validate, test)


def _check(data: SignalSet, heads: Sequence[OutputSpec], where: str) -> None:
    for head in heads:
        largest = np.abs(data.targets[head.name]).max()
        if largest > _LARGEST:
            raise BadInput(
                f"of {head.name!r} a value is {largest:g}; at most {_LARGEST:g} are learnt in float32",
                where=where,
                remedy="give the values in a larger unit",
            )
        if not data.varies((head,)):
            found = ", ".join(_told(head, each) for each in np.unique(data.targets[head.name]))
            raise BadInput(
                f"of {head.name!r} the {len(data)} signals hold {found} only",
                where=where,
                remedy="give signals of every class, and values that differ",
            )


def _told(head: OutputSpec, target: float) -> str:
    return repr(head.labels[int(target)]) if head.labels else f"{target:g}"


def _class_names(classes: tuple[str, ...], label: str, positive: str | None) -> tuple[str, ...]:
    """As a head calls them, the positive one of two last; 0 and 1 are called by the column."""
    numbers = classes == ("0", "1")
    others = tuple(each for each in classes if each != positive)
    if positive is not None and (len(classes) != 2 or len(others) != 1 or (numbers and positive == "0")):
        raise BadInput(
            f"{positive!r} is not one of two classes; {label} has {', '.join(classes)}",
            where="--positive",
            remedy="1 is the case of 0 and 1: name the classes, or turn them"
            if numbers
            else "give one of them, or leave it out",
        )
    if numbers:
        return f"no {label}", label
    return classes if positive is None else (*others, positive)


def _refuse_shared(shared: NDArray[np.str_], one: str, other: str) -> None:
    if len(shared):
        raise BadInput(
            f"{one} and {other} share {len(shared)} groups, such as {str(shared[0])!r}",
            where="patients, or signals of the same content",
            remedy="a network that has seen a patient is not tested on that patient: divide them",
        )
