"""What the probabilities on the acceptance set are worth: reliability diagrams and prediction sets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from edgemed.errors import BadInput
from edgemed.judge.conformal import coverage
from edgemed.judge.reliability import reliability
from edgemed.judge.scores import names_of_columns
from edgemed.judge.temperature import unscaled, worsened
from edgemed.measure import Predictions
from edgemed.stages.artefacts import ORIGINAL
from edgemed.types import Coverage, JudgeSpec, OutputSpec, Reliability, Temperature
from edgemed.types.compilation import Role

_OTHERWISE = "it was not drawn as the selection set was"


def check_asked(judge: JudgeSpec, labelled: Collection[Role]) -> None:
    """That the sets are there which temperatures and prediction sets need. Raises `BadInput`.

    `labelled` are the sets with labels; before the labels are read, those that there are.
    """
    asked: tuple[tuple[str, bool, tuple[Role, ...]], ...] = (
        ("temperature", judge.temperature, ("select",)),
        ("conformal", judge.conformal > 0, ("select", "accept")),
    )
    for key, wanted, roles in asked:
        for role in roles:
            if wanted and role not in labelled:
                raise BadInput(
                    f"there is no labelled {role} set, which judge.{key} needs",
                    where=f"--{role}",
                    remedy=f"give one, or leave {key} out of the recipe",
                )


def diagrams(
    outputs: Sequence[OutputSpec], accepted: Mapping[str, Predictions], temperatures: Sequence[Temperature]
) -> tuple[Reliability, ...]:
    """Reliability of each model's answers on the acceptance set, and of the original's before scaling.

    `accepted` has the original's under `original`. Empty where the set has no labels.
    """
    values = {each.output: each.value for each in temperatures}
    found: list[Reliability] = []
    for model, answers in accepted.items():
        for spec in outputs:
            if spec.name not in answers.targets:
                continue
            scores, targets = answers.outputs[spec.name], answers.targets[spec.name]
            if model == "original" and spec.name in values:
                before = unscaled(spec, scores, values[spec.name])
                found += reliability("original before scaling", spec, before, targets)
            found += reliability(model, spec, scores, targets)
    return tuple(found)


def coverages(
    level: float,
    outputs: Sequence[OutputSpec],
    selected: Mapping[str, Predictions],
    accepted: Mapping[str, Predictions],
) -> tuple[Coverage, ...]:
    """Coverage on the acceptance set of each model's prediction sets, calibrated on the selection set.

    `selected` has the original's answers under its candidate's id, `accepted` under `original`. Empty where
    `level` is 0; else both sets have labels, see `check_asked`.
    """
    if not level:
        return ()
    found: list[Coverage] = []
    for model, answers in accepted.items():
        before = selected[ORIGINAL.id if model == "original" else model]
        for spec in outputs:
            found += coverage(
                model, spec, level,
                (before.outputs[spec.name], before.targets[spec.name]),
                (answers.outputs[spec.name], answers.targets[spec.name]),
            )  # fmt: skip
    return tuple(found)


def shifts(
    outputs: Sequence[OutputSpec],
    accepted: Mapping[str, Predictions],
    temperatures: Sequence[Temperature],
    covered: Sequence[Coverage],
) -> Iterator[str]:
    """Warnings where what the selection set taught of the original does not hold on the acceptance set.

    None of temperatures where that set is not there or has no labels.
    """
    specs = {spec.name: spec for spec in outputs}
    for each in temperatures if "original" in accepted and accepted["original"].targets else ():
        spec, original = specs[each.output], accepted["original"]
        losses = worsened(spec, original.outputs[spec.name], original.targets[spec.name], each.value)
        if losses is not None:
            yield (
                f"a temperature of {each.value:.3g} made the original's log loss for {spec.name} worse on "
                f"the acceptance set ({losses[0]:.3f} to {losses[1]:.3f}): {_OTHERWISE}"
            )
    for found in covered:
        whole = found.label in ("", *names_of_columns(specs[found.output]))
        if whole and found.model == "original" and found.high < 1 - found.level:
            yield (
                f"prediction sets hold the truth of {found.label or found.output} for {found.share:.1%} of "
                f"the acceptance cases, and were made to for {1 - found.level:.1%}: {_OTHERWISE}"
            )
