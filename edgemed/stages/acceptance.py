"""The acceptance set, opened after the choice: figures of the original and of what was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgemed.judge import figures, meets, roc_curves
from edgemed.measure import Predictions
from edgemed.stages.artefacts import ORIGINAL, Built, Candidate
from edgemed.stages.choose import Choice
from edgemed.stages.job import Job, SetSource
from edgemed.stages.selection import compare
from edgemed.stages.trials import predictions
from edgemed.types import AgreementFigures, Figures, OutputSpec, RocCurve


@dataclass(frozen=True)
class Acceptance:
    """What is kept per backend after the acceptance set was seen, with the figures of each by id."""

    kept: dict[str, str]
    refused: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, tuple[AgreementFigures, ...]] = field(default_factory=dict)
    figures: dict[str, tuple[Figures, ...]] = field(default_factory=dict)
    roc: tuple[RocCurve, ...] = ()


def accept(
    job: Job,
    outputs: Sequence[OutputSpec],
    built: Mapping[str, Built],
    choice: Choice,
    source: SetSource | None,
) -> Acceptance:
    """Report the choice on the acceptance set.

    A choice that does not agree there is refused and the same runtime's fp32 takes its place, when that
    agrees. No other candidate is tried: choosing among them here would spoil the figures.
    """
    if source is None:
        return Acceptance(dict(choice.kept))
    original = predictions(job, built[ORIGINAL.id], "accept", source)
    result = Acceptance({}, figures={"original": _figures(outputs, original)})
    roc = _roc("original", outputs, original)
    for backend, chosen in choice.kept.items():
        for name in dict.fromkeys((chosen, Candidate(backend, "fp32").id)):
            if name not in built:
                continue
            answers = original if name == ORIGINAL.id else predictions(job, built[name], "accept", source)
            agreement = compare(outputs, original, answers)
            result.agreement[name] = agreement
            result.figures[name] = _figures(outputs, answers)
            agrees, sentence = meets(job.recipe.agreement, agreement, bool(original.targets))
            if agrees:
                result.kept[backend] = name
                roc += _roc(name, outputs, answers)
                break
            result.refused[name] = f"refused on the acceptance set: {sentence}"
    return Acceptance(result.kept, result.refused, result.agreement, result.figures, roc)


def _figures(outputs: Sequence[OutputSpec], answers: Predictions) -> tuple[Figures, ...]:
    return tuple(
        figures(spec, answers.outputs[spec.name], answers.targets.get(spec.name)) for spec in outputs
    )


def _roc(model: str, outputs: Sequence[OutputSpec], answers: Predictions) -> tuple[RocCurve, ...]:
    curves: tuple[RocCurve, ...] = ()
    for spec in outputs:
        curves += roc_curves(
            model, spec, np.asarray(answers.outputs[spec.name]), answers.targets.get(spec.name)
        )
    return curves
