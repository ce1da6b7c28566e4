"""Negative controls: the judge must refuse models that were broken on purpose, and must not refute a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

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
from edgemed.stages.ledger import close_acceptance, open_acceptance, read_ledger
from edgemed.stages.paired import paired
from edgemed.stages.spoilt_answers import Scores, with_shifted_threshold, with_swapped_outputs
from edgemed.stages.verdicts import question_of
from edgemed.types import Difference, OutputSpec, Record, Verdict, digest_of
from edgemed.types.compilation import Role
from edgemed.types.verdict import Outcome

COPY = "identical copy"
TOO_FEW = (
    "too few cases: not even the copy can be proven here, so a broken model that is not provable shows "
    "nothing"
)
_NO_EFFECT = "no effect: less than a tenth of the decisions of any class change"
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


class Control(Record):
    """What was broken and what the judge said of it.

    `passed`: see `control`; None where nothing was judged, and `reason` says why. `decided` is the
    difference that the outcome hangs on.
    """

    name: str
    what: str
    passed: bool | None
    outcome: Outcome | None = None
    decided: Difference | None = None
    reason: str = ""


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
        if role == "accept":
            read_ledger(job.out)
        source, facts, notes = read_set(job, bench, role)
        job.warn(notes)
        opening = None
        if role == "accept":
            opening = open_acceptance(
                job.out,
                data=source.sha256,
                command=command,
                question=digest_of(["self-test", question_of(job.recipe)]),
                judged={ORIGINAL.id: bench.reference.judged},
                asked=f"self-test; {job.recipe.judge.asked}",
            )
        original = answers(job, "original", bench.original, source)
        copy = paired(original, original)
        found = _verdict(job, bench, copy)
        controls = [control(COPY, "nothing", found, found.outcome)]
        controls += [_of_model(job, bench, material, source, name, copy, found.outcome) for name in _MODELS]
        controls += [_of_answers(job, bench, name, copy, found.outcome) for name in _ANSWERS]
        if opening is not None:
            close_acceptance(job.out, opening, {each.name: each.outcome or "" for each in controls})
    return SelfTest(facts.ref, facts.n, tuple(controls))


def decided_by(verdict: Verdict) -> Difference | None:
    """The difference that stands farthest in the way, or came nearest to it."""
    return next(iter(stopping(verdict) or sorted(verdict.deciding, key=room)), None)


def control(name: str, what: str, verdict: Verdict, copy: Outcome, milder: Sequence[str] = ()) -> Control:
    """A control that was judged, where the copy's outcome is `copy`.

    A copy must not be refuted. A broken model must be refuted, or at least not proven where the copy is.
    """
    outcome = verdict.outcome
    if name == COPY:
        passed = outcome != "refuted"
        reason = "" if outcome == "proven" else "not even a copy can be proven on these cases"
    else:
        passed = outcome == "refuted" or (outcome, copy) == ("not provable", "proven")
        reason = f"{' and '.join(milder)}: almost no decision changes" if milder else ""
        if outcome == "not provable" and not passed:
            reason = TOO_FEW
    return Control(name, what, passed, outcome, decided_by(verdict), reason)


def _of_model(
    job: Job,
    bench: Bench,
    material: Material,
    source: SetSource,
    name: str,
    copy: Pairs,
    copied: Outcome,
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
        if _harmed(bench, copy, found):
            verdict = _verdict(job, bench, replace(copy, artefact=dict(found)))
            return control(name, told, verdict, copied, milder)
        milder.append(words)
    return Control(name, told, None, reason=_NO_EFFECT)


def _of_answers(job: Job, bench: Bench, name: str, copy: Pairs, copied: Outcome) -> Control:
    """Every output that can be spoilt so; the others as they were."""
    what, spoil = _ANSWERS[name]
    job.reporter.stage(name, what)
    found = {spec.name: spoil(spec, copy.original[spec.name]) for spec in bench.reference.outputs}
    spoilt = {output: scores for output, scores in found.items() if not isinstance(scores, str)}
    if not spoilt:
        reasons = dict.fromkeys(reason for reason in found.values() if isinstance(reason, str))
        return Control(name, what, None, reason=f"not for this model: {'; '.join(reasons)}")
    answers = {**copy.original, **spoilt}
    if not _harmed(bench, copy, answers):
        return Control(name, what, None, reason=_NO_EFFECT)
    return control(name, what, _verdict(job, bench, replace(copy, artefact=answers)), copied)


def _harmed(bench: Bench, copy: Pairs, broken: Mapping[str, NDArray[Any]]) -> bool:
    return any(harmed(spec, copy.original[spec.name], broken[spec.name]) for spec in bench.reference.outputs)


def _verdict(job: Job, bench: Bench, pairs: Pairs) -> Verdict:
    return judge_pairs(bench.reference.outputs, pairs, job.recipe.judge, job.recipe.seed)
