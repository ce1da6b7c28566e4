"""Negative controls: the judge must refuse models that were broken on purpose, and must not refute a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgemed.child import run_in_child
from edgemed.errors import DiskFull, ToolFailure
from edgemed.judge import Pairs, judge_pairs
from edgemed.report.grounds import room, stopping
from edgemed.stages.artefacts import ORIGINAL
from edgemed.stages.broken_models import (
    Answers,
    Material,
    check_material,
    clipped,
    pruned,
    wrongly_scaled,
)
from edgemed.stages.harm import harmed
from edgemed.stages.job import Job, SetSource
from edgemed.stages.judging import Bench, answers, read_set
from edgemed.stages.ledger import close_acceptance, open_acceptance
from edgemed.stages.paired import paired
from edgemed.stages.spoilt_answers import Scores, with_shifted_threshold, with_swapped_outputs
from edgemed.types import Difference, OutputSpec, Record, Verdict, digest_of
from edgemed.types.compilation import Role
from edgemed.types.verdict import Outcome

COPY = "identical copy"
_ROUNDING = 1e-6
Break = Callable[[Material, SetSource, float], Answers | str]
_MODELS: dict[str, tuple[str, Break, dict[str, float]]] = {
    "pruned": (
        "{} of each layer's channels set to zero, none recovered", pruned,
        {"half": 0.5, "3/4": 0.75, "7/8": 0.875},
    ),
    "wrong scale": ("int8 calibrated on samples divided by {}", wrongly_scaled, {"16": 16, "256": 256}),
    "clipped": (
        "activations clipped at {} of their range", clipped,
        {"half": 0.5, "1/4": 0.25, "1/8": 0.125, "1/16": 0.0625},
    ),
}  # fmt: skip
"""The mildest break first; a harder one is tried where that leaves the answers nearly as they were."""
_ANSWERS: dict[str, tuple[str, Callable[[OutputSpec, Scores], Scores | str]]] = {
    "threshold": ("moved up until a quarter of the positive decisions is lost", with_shifted_threshold),
    "swapped": ("the outputs of the classes swapped", with_swapped_outputs),
}


@dataclass(frozen=True)
class Control(Record):
    """What was broken and what the judge said of it.

    `passed`: a broken model was not proven, a copy not refuted; None where nothing was judged, and `reason`
    says why. `decided` is the difference that the outcome hangs on.
    """

    name: str
    what: str
    passed: bool | None
    outcome: Outcome | None = None
    decided: Difference | None = None
    reason: str = ""


@dataclass(frozen=True)
class SelfTest(Record):
    """All controls on `cases` cases of the set `ref`, the copy first."""

    ref: str
    cases: int
    controls: tuple[Control, ...]

    @property
    def passed(self) -> bool:
        """No control failed, and at least one broken model was refused."""
        broken = [each.passed for each in self.controls if each.name != COPY]
        return any(broken) and all(each.passed is not False for each in self.controls)


def self_test(job: Job, bench: Bench, material: Material, role: Role, command: str) -> SelfTest:
    """Judge the original against itself and against each broken one on the set of that role.

    `job.recipe.data` names that set alone. Where it is an acceptance set the ledger tells of it. Raises
    `BadInput` where the set or the original cannot be read or has no labels, `ToolFailure` where the original
    itself fails.
    """
    check_material(material)
    with job.alone():
        source, facts = read_set(job, bench, role)
        opening = None
        if role == "accept":
            opening = open_acceptance(
                job.out,
                data=source.sha256,
                command=command,
                question=digest_of(["self-test", job.recipe.judge.to_dict(), job.recipe.seed]),
                judged={ORIGINAL.id: bench.reference.judged},
            )
        original = answers(job, "original", bench.original, source)
        copy = paired(original, original)
        controls = [_of_copy(job, bench, copy)]
        controls += [_of_model(job, bench, material, source, name, copy) for name in _MODELS]
        controls += [_of_answers(job, bench, name, copy) for name in _ANSWERS]
        if opening is not None:
            close_acceptance(job.out, opening, {each.name: each.outcome or "" for each in controls})
    return SelfTest(facts.ref, facts.n, tuple(controls))


def decided_by(verdict: Verdict) -> Difference | None:
    """The difference that stands farthest in the way, or came nearest to it."""
    return next(iter(stopping(verdict) or sorted(verdict.deciding, key=room)), None)


def _of_copy(job: Job, bench: Bench, copy: Pairs) -> Control:
    verdict = judge_pairs(bench.reference.outputs, copy, job.recipe.judge, job.recipe.seed)
    return Control(
        COPY, "nothing", verdict.outcome != "refuted", verdict.outcome, decided_by(verdict),
        "" if verdict.outcome == "proven" else "not even a copy can be proven on these cases",
    )  # fmt: skip


def _of_model(
    job: Job, bench: Bench, material: Material, source: SetSource, name: str, copy: Pairs
) -> Control:
    what, make, steps = _MODELS[name]
    milder: list[str] = []
    for words, step in steps.items():
        told = what.format(words)
        job.reporter.stage(name, told)
        try:
            found = run_in_child(
                make, material, source, step, what=told, on_progress=job.reporter.progress
            ).value
        except DiskFull:
            raise
        except ToolFailure as error:
            found = error.problem
        if isinstance(found, str):
            return Control(name, told, None, reason=f"not for this model: {found}")
        outputs = bench.reference.outputs
        if any(harmed(spec, copy.original[spec.name], found[spec.name]) for spec in outputs):
            return _judged(job, bench, name, told, replace(copy, artefact=dict(found)), milder)
        milder.append(words)
    return Control(
        name, told, None, reason="no effect: less than a tenth of the decisions of any class change"
    )


def _of_answers(job: Job, bench: Bench, name: str, copy: Pairs) -> Control:
    """Every output that can be spoilt so; the others as they were."""
    what, spoil = _ANSWERS[name]
    job.reporter.stage(name, what)
    found = {spec.name: spoil(spec, copy.original[spec.name]) for spec in bench.reference.outputs}
    spoilt = {output: scores for output, scores in found.items() if not isinstance(scores, str)}
    if not spoilt:
        reasons = dict.fromkeys(reason for reason in found.values() if isinstance(reason, str))
        return Control(name, what, None, reason=f"not for this model: {'; '.join(reasons)}")
    if all(np.abs(scores - copy.original[output]).max() < _ROUNDING for output, scores in spoilt.items()):
        return Control(name, what, None, reason="no effect: every answer is the original's")
    return _judged(job, bench, name, what, replace(copy, artefact={**copy.original, **spoilt}), ())


def _judged(job: Job, bench: Bench, name: str, what: str, broken: Pairs, milder: Sequence[str]) -> Control:
    verdict = judge_pairs(bench.reference.outputs, broken, job.recipe.judge, job.recipe.seed)
    refused = verdict.outcome != "proven"
    reason = f"{' and '.join(milder)}: almost no decision changes" if milder else ""
    return Control(name, what, refused, verdict.outcome, decided_by(verdict), reason)
