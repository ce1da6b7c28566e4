"""The acceptance set, opened after the choice: figures and verdicts on the original and what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgemed.errors import BadInput, DiskFull, ToolFailure, Untrusted
from edgemed.judge import meets, roc_curves
from edgemed.measure import Predictions
from edgemed.report.grounds import sentence
from edgemed.stages.artefacts import ORIGINAL, Built, Candidate
from edgemed.stages.choose import Choice
from edgemed.stages.job import Job, SetSource
from edgemed.stages.ledger import close_acceptance, open_acceptance
from edgemed.stages.selection import compare, figures_of
from edgemed.stages.trials import predictions
from edgemed.stages.verdicts import executed_by, question_of, verdict_on
from edgemed.types import AgreementFigures, Figures, Opening, OutputSpec, RocCurve, Verdict


@dataclass(frozen=True)
class Acceptance:
    """What is kept per backend after the acceptance set was seen, with what was found of each by id.

    `answers` are those of the original and of all that were tried, for the list of cases.
    """

    kept: dict[str, tuple[str, ...]]
    refused: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, tuple[AgreementFigures, ...]] = field(default_factory=dict)
    figures: dict[str, tuple[Figures, ...]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    openings: tuple[Opening, ...] = ()
    roc: tuple[RocCurve, ...] = ()
    answers: dict[str, Predictions] = field(default_factory=dict)


def accept(
    job: Job,
    outputs: Sequence[OutputSpec],
    built: Mapping[str, Built],
    choice: Choice,
    source: SetSource | None,
    command: str,
    *,
    labelled: bool,
) -> Acceptance:
    """Judge the choice on the acceptance set.

    Where it is `labelled`, what is not proven not worse than the original is refused; without labels, and
    with `judge.gate = false`, what does not agree with it. The same runtime's fp32 takes its place when that
    agreed before and passes here. No other candidate is tried: choosing among them here would spoil the
    figures. Raises `ToolFailure` or `Untrusted` when the original itself fails.
    """
    if source is None:
        return Acceptance(dict(choice.kept))
    opening = _opening(job, built, choice, source, command) if labelled else None
    original = predictions(job, built[ORIGINAL.id], "accept", source)
    result = Acceptance(
        {}, figures={"original": figures_of(outputs, original)}, answers={"original": original}
    )
    roc = [*_roc("original", outputs, original)]

    def passes(name: str) -> bool:
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
        result.answers[name] = answers
        good, told = meets(job.recipe.agreement, agreement, labelled)
        if opening is not None:
            runtime = executed_by(built[name].manifest)
            result.verdicts[name] = verdict_on(name, runtime, outputs, original, answers, opening, job.recipe)
            if job.recipe.judge.gate:
                good, told = (
                    result.verdicts[name].outcome == "proven",
                    sentence(result.verdicts[name], outputs),
                )
        if good:
            roc.extend(_roc(name, outputs, answers))
        else:
            result.refused[name] = f"refused on the acceptance set: {told}"
        return good

    for backend, chosen in choice.kept.items():
        fp32 = Candidate(backend, "fp32").id
        kept = tuple(name for name in chosen if passes(name))
        if not kept and fp32 in choice.agreeing.difference(chosen) and passes(fp32):
            kept = (fp32,)
        if kept:
            result.kept[backend] = kept
    openings: tuple[Opening, ...] = ()
    if opening is not None:
        outcomes: dict[str, str] = {name: each.outcome for name, each in result.verdicts.items()}
        openings = close_acceptance(job.out, opening, outcomes)
    return replace(result, roc=tuple(roc), openings=openings)


def _opening(
    job: Job, built: Mapping[str, Built], choice: Choice, source: SetSource, command: str
) -> Opening:
    fallbacks = {Candidate(backend, "fp32").id for backend in choice.kept} & choice.agreeing
    chosen = [name for names in choice.kept.values() for name in names]
    return open_acceptance(
        job.out,
        data=source.sha256,
        command=command,
        question=question_of(job.recipe),
        judged={
            name: built[name].manifest.judged
            for name in dict.fromkeys((ORIGINAL.id, *chosen, *sorted(fallbacks)))
        },
        asked=job.recipe.judge.asked,
    )


def _roc(model: str, outputs: Sequence[OutputSpec], answers: Predictions) -> tuple[RocCurve, ...]:
    curves: tuple[RocCurve, ...] = ()
    for spec in outputs:
        curves += roc_curves(
            model, spec, np.asarray(answers.outputs[spec.name]), answers.targets.get(spec.name)
        )
    return curves
