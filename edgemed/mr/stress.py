"""The stress test: original and artefacts answer the same simulated signals, point by point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.child import report_progress
from edgemed.errors import BadInput, Unavailable
from edgemed.mr.omission import FILL
from edgemed.mr.protocol import PROTOCOLS, Protocol
from edgemed.mr.stress_points import SIMULATED, BasePoint, Signals, base_value, values
from edgemed.mr.stressed_heads import check_direction, score
from edgemed.mr.task import Task
from edgemed.runtime import Session
from edgemed.runtime.signal_check import check_signals
from edgemed.types import InputSpec, Manifest
from edgemed.types.acquisition import LAYOUT
from edgemed.types.signal_range import SignalRange
from edgemed.types.stress import (
    WORTH,
    AxisName,
    LargestLoss,
    Metric,
    Stress,
    StressAxis,
    StressFigure,
    StressPoint,
)

ORIGINAL = "original"
_AT_ONCE = 64

NOT_ASKED = (
    "Original and artefacts answer every signal. Session.run holds signals to the artefact's contract and "
    "would refuse the share told at each point (silence, clipping, another amplitude, other echoes)."
)


@dataclass(frozen=True)
class StressPlan:
    """What is to answer what: `input` as `check_input` gives it, `heads` as `scored_heads` does.

    `limits` are the most that may be lost.
    """

    original: Path
    artefacts: Mapping[str, Path]
    input: InputSpec
    task: Task
    count: int
    """Of simulated heads."""
    seed: int
    axes: tuple[AxisName, ...]
    heads: Mapping[str, Metric]
    limits: Mapping[Metric, float]
    command: str

    @property
    def points(self) -> dict[AxisName, tuple[float, ...]]:
        return {axis: values(axis, self.task) for axis in self.axes}

    @property
    def simulations(self) -> int:
        """How many times all heads are simulated: the rest is made of the first time."""
        return 1 + sum(len(self.points[axis]) - 1 for axis in self.axes if axis in SIMULATED)


def check_input(manifest: Manifest, task: Task) -> InputSpec:
    """The model's one input, a raw MR signal that is taken as the task's are. Raises `BadInput` where not."""
    raw = [spec for spec in manifest.inputs if spec.layout == LAYOUT]
    if len(raw) != 1 or len(manifest.inputs) > 1:
        told = ", ".join(f"{spec.name} {spec.layout or list(spec.shape)}" for spec in manifest.inputs)
        raise BadInput(
            f"its inputs are {told}: only a model of one raw MR signal ({LAYOUT}) can be put under stress",
            where=f"{manifest.name} {manifest.version}",
            remedy=f'compile with layout = "{LAYOUT}" and steps from there on, see "Raw MR signals"',
        )
    (spec,) = raw
    if misfit := _misfit(spec, task.protocol):
        fitting = [name for name, protocol in PROTOCOLS.items() if not _misfit(spec, protocol)]
        raise BadInput(
            f"{task.name} is not taken as the artefact's contract says: {misfit}",
            where=f"input {spec.name}",
            remedy=f"--protocol {fitting[0]}"
            if fitting
            else "neither protocol A nor B fits: edgemed mr simulate imrd-easy --dry-run --json > mine.json, "
            "write the protocol there that the model was made for, and give mine.json as TASK",
        )
    return spec


def _misfit(spec: InputSpec, protocol: Protocol) -> str:
    """How signals of `protocol` differ from those that `spec` takes, "" where they do not."""
    try:
        if spec.acquisition is not None:
            spec.acquisition.check(protocol.acquisition)
    except BadInput as error:
        return error.problem
    shape = (len(protocol.inversion_s), protocol.echoes, protocol.samples, 1, 2)
    return "" if spec.shape == shape else f"simulated signals are {list(shape)}, expected {list(spec.shape)}"


def stress(plan: StressPlan, progress: Callable[[int, int], None] = report_progress) -> Stress:
    """Simulate each point, let all answer, and compare. `progress` is told the points done, and how many.

    What cannot run on this machine is left out and named; where its stand-in was judged, the stand-in
    answers. Raises `Unavailable` where nothing is left, `BadInput` where the original's AUC shows that it
    detects what is no lesion, and what `BasePoint.of`, `Session.load` and
    `Session.execute` raise.
    """
    original, spec = Session.load_to_judge(plan.original), plan.input
    sessions, left_out = _load(plan.artefacts)
    allowed = next(iter(sessions.values())).manifest.signals.get(spec.name)
    base = BasePoint.of(plan.task, plan.count, plan.seed)

    def point(value: float, signals: Signals) -> StressPoint:
        arrays = np.ascontiguousarray(signals).view(np.float32).reshape(*signals.shape, 2)
        figures = score(
            plan.heads,
            _answers(original, spec, arrays),
            {name: _answers(session, spec, arrays) for name, session in sessions.items()},
            base.lesion,
            base.lesion_ml,
        )
        return StressPoint(value, _refused(spec, allowed, arrays), figures)

    usual = point(math.nan, base.signals)
    check_direction(usual.figures, original.manifest.outputs, base.lesion)
    done, total = 1, 1 + sum(len(each) - 1 for each in plan.points.values())
    progress(done, total)
    axes = []
    for axis, along in plan.points.items():
        start, points = base_value(axis, plan.task), []
        for value in along:
            if value == start:
                points.append(replace(usual, value=value))
                continue
            points.append(point(value, base.at(axis, value)))
            done += 1
            progress(done, total)
        axes.append(StressAxis(axis, start, tuple(points)))
    return Stress(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=plan.command,
        simulated=plan.task.describe(),
        task=plan.task.to_dict(),
        heads=plan.count,
        cases=int(base.lesion.sum()),
        seed=plan.seed,
        models={name: each.manifest.judged for name, each in {ORIGINAL: original, **sessions}.items()},
        stand_ins={name: each.manifest.stand_in for name, each in sessions.items() if each.manifest.stand_in},
        left_out=left_out,
        axes=tuple(axes),
        largest=largest_losses(axes, plan.limits),
        limits={name: limit for name, limit in plan.limits.items() if name in plan.heads.values()},
        notes=_notes(plan),
    )


def largest_losses(axes: Sequence[StressAxis], limits: Mapping[Metric, float]) -> tuple[LargestLoss, ...]:
    """Of each metric, over all points where the original reaches `WORTH`; none where it never does."""
    found: dict[Metric, LargestLoss] = {}
    for axis in axes:
        for point in axis.points:
            for each in _losses(axis.name, point, limits):
                before = found.get(each.metric)
                if before is None or each.loss > before.loss:
                    found[each.metric] = each
    return tuple(found.values())


def _losses(axis: AxisName, point: StressPoint, limits: Mapping[Metric, float]) -> list[LargestLoss]:
    def worth(figure: StressFigure) -> bool:
        return figure.original >= WORTH[figure.metric]

    return [
        LargestLoss(
            figure.metric,
            figure.head,
            artefact=each.artefact,
            axis=axis,
            value=point.value,
            original=figure.original,
            loss=each.loss,
            low=each.low,
            high=each.high,
            limit=limits[figure.metric],
        )
        for figure in filter(worth, point.figures)
        for each in figure.artefacts
    ]


def _load(folders: Mapping[str, Path]) -> tuple[dict[str, Session], dict[str, str]]:
    """Sessions, and why there is none, by artefact. Raises `Unavailable` where there is no session at all."""
    sessions: dict[str, Session] = {}
    missing: dict[str, Unavailable] = {}
    for name, folder in folders.items():
        try:
            sessions[name] = Session.load_to_judge(folder)
        except Unavailable as error:
            missing[name] = error
    if not sessions:
        raise next(iter(missing.values()))
    return sessions, {name: error.problem for name, error in missing.items()}


def _answers(
    session: Session, spec: InputSpec, arrays: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    parts = [
        session.execute({spec.name: arrays[start : start + _AT_ONCE]})
        for start in range(0, len(arrays), _AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _refused(spec: InputSpec, allowed: SignalRange | None, arrays: NDArray[np.float32]) -> float:
    return float(np.mean([_is_refused(spec, allowed, each) for each in arrays]))


def _is_refused(spec: InputSpec, allowed: SignalRange | None, signal: NDArray[np.float32]) -> bool:
    try:
        check_signals(spec, allowed, signal[np.newaxis])
    except BadInput:
        return True
    return False


def _notes(plan: StressPlan) -> tuple[str, ...]:
    omits = any(axis in ("samples", "echoes", "block") for axis in plan.axes)
    return (NOT_ASKED, FILL) if omits else (NOT_ASKED,)
