"""The acceptance set, opened after the choice: figures of the original and of what was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgemed.errors import BadInput, DiskFull, ToolFailure, Untrusted
from edgemed.judge import meets, roc_curves
from edgemed.measure import Predictions
from edgemed.stages.artefacts import ORIGINAL, Built, Candidate
from edgemed.stages.choose import Choice
from edgemed.stages.job import Job, SetSource
from edgemed.stages.selection import compare, figures_of
from edgemed.stages.trials import predictions
from edgemed.types import AgreementFigures, Figures, OutputSpec, RocCurve


@dataclass(frozen=True)
class Acceptance:
    """What is kept per backend after the acceptance set was seen, with the figures of each by id."""

    kept: dict[str, tuple[str, ...]]
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

    A choice that fails or does not agree there is refused, and the same runtime's fp32 takes its place when
    that agreed before and agrees here. No other candidate is tried: choosing among them here would spoil the
    figures. Raises `ToolFailure` or `Untrusted` when the original itself fails.
    """
    if source is None:
        return Acceptance(dict(choice.kept))
    original = predictions(job, built[ORIGINAL.id], "accept", source)
    result = Acceptance({}, figures={"original": figures_of(outputs, original)})
    roc = [*_roc("original", outputs, original)]

    def agrees(name: str) -> bool:
        try:
            answers = original if name == ORIGINAL.id else predictions(job, built[name], "accept", source)
            agreement = compare(outputs, original, answers)
        except DiskFull:
            raise
        except (BadInput, ToolFailure, Untrusted) as error:
            result.refused[name] = f"failed on the acceptance set: {error.problem}"
            return False
        result.agreement[name] = agreement
        result.figures[name] = figures_of(outputs, answers)
        near, sentence = meets(job.recipe.agreement, agreement, bool(original.targets))
        if near:
            roc.extend(_roc(name, outputs, answers))
        else:
            result.refused[name] = f"refused on the acceptance set: {sentence}"
        return near

    for backend, chosen in choice.kept.items():
        fp32 = Candidate(backend, "fp32").id
        kept = tuple(name for name in chosen if agrees(name))
        if not kept and fp32 in choice.agreeing.difference(chosen) and agrees(fp32):
            kept = (fp32,)
        if kept:
            result.kept[backend] = kept
    return replace(result, roc=tuple(roc))


def _roc(model: str, outputs: Sequence[OutputSpec], answers: Predictions) -> tuple[RocCurve, ...]:
    curves: tuple[RocCurve, ...] = ()
    for spec in outputs:
        curves += roc_curves(
            model, spec, np.asarray(answers.outputs[spec.name]), answers.targets.get(spec.name)
        )
    return curves
