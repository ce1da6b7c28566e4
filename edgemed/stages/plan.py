"""Plan: which candidates a compile will try and what it will do, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgemed.backends import Backend, Form, get_backend
from edgemed.errors import BadInput, Unavailable
from edgemed.report.limits import limits_in_words
from edgemed.runtime import instruction_sets
from edgemed.stages.artefacts import ORIGINAL, Candidate
from edgemed.stages.machine import misfits_here
from edgemed.targets import Target, load_target
from edgemed.types import Precision, Recipe, Record

_NO_CALIBRATION = "int8 needs a calibration set (--calibrate)"


class Plan(Record):
    """What will be done, in order. `left_out` maps a candidate's id to why it is not tried."""

    target: str
    candidates: tuple[str, ...]
    left_out: dict[str, str]
    forms: tuple[Form, ...]
    """Forms of the graph that the candidates need."""
    lines: tuple[str, ...]


def make_plan(
    recipe: Recipe, base: Path = Path(), targets: Sequence[Path] = ()
) -> tuple[Plan, tuple[Candidate, ...], Target]:
    """The plan for a recipe on this machine: its precisions, and fp32, on every runtime of the target.

    `targets` are folders with targets of the user's. Raises `BadInput` where no candidate of the precisions
    asked for is left or a runtime is unknown.
    """
    target = load_target(recipe.target, base, targets)
    chosen: list[Candidate] = []
    left_out: dict[str, str] = {}
    unmeasured = "; ".join(misfits_here(target))
    variants = (False, True) if recipe.prune.wanted else (False,)
    for name in dict.fromkeys(target.backends):
        try:
            backend = get_backend(name)
        except BadInput as error:
            where = f"backends of target {target.name}"
            raise BadInput(error.problem, where=where, remedy=error.remedy) from None
        cannot_build = backend.cannot_build(target.tensorrt)
        cannot_run = "" if cannot_build else backend.cannot_run(target.tensorrt)
        if cannot_run and not backend.stand_in:
            cannot_build = cannot_run
        for precision in dict.fromkeys(("fp32", *recipe.precisions)):
            if precision not in target.precisions or precision not in backend.forms:
                continue
            why = cannot_build or _without_arithmetic(target, backend, precision)
            if not why and precision == "int8" and recipe.data.calibrate is None:
                why = _NO_CALIBRATION
            for pruned in variants:
                candidate = Candidate(name, precision, pruned, unmeasured or cannot_run, bool(cannot_run))
                if why:
                    left_out[candidate.id] = why
                else:
                    chosen.append(candidate)
    if not any(each.precision in recipe.precisions for each in chosen):
        raise _nothing_left(recipe, target, left_out)
    missing = get_backend(ORIGINAL.backend).availability()
    if not missing.available:
        raise Unavailable("the original is run by ONNX Runtime, which is missing", remedy=missing.remedy)
    ids = tuple(each.id for each in chosen)
    forms = tuple(dict.fromkeys(get_backend(each.backend).forms[each.precision] for each in chosen))
    lines = _lines(recipe, target.name, chosen, left_out)
    return Plan(target.name, ids, left_out, forms, lines), tuple(chosen), target


def _without_arithmetic(target: Target, backend: Backend, precision: Precision) -> str:
    if precision not in backend.precisions(instruction_sets()):
        return "this CPU has no such arithmetic"
    if target.arch is not None and precision not in backend.precisions(target.certain_sets):
        return "the target has no such arithmetic"
    return ""


def _nothing_left(recipe: Recipe, target: Target, left_out: dict[str, str]) -> BadInput:
    reasons = "; ".join(f"{key}: {reason}" for key, reason in left_out.items())
    asked = ", ".join(recipe.precisions) or "no precision"
    offered = ", ".join(target.precisions)
    why = reasons or f"{asked} asked for, {offered} offered by target {target.name!r}"
    remedy = "edgemed doctor tells what is installed and what this CPU has"
    if not reasons:
        remedy = f"give a --precision of {offered}"
    elif recipe.data.calibrate is None and set(left_out.values()) == {_NO_CALIBRATION}:
        remedy = "give --calibrate SET: some hundred unlabelled samples"
    return BadInput(
        f"no candidate is left: {why}",
        where=f"--target {target.name} --precision {asked}",
        remedy=remedy,
    )


def _lines(
    recipe: Recipe, target: str, chosen: Sequence[Candidate], left_out: dict[str, str]
) -> tuple[str, ...]:
    data = recipe.data
    sets = [f"{role} {ref}" for role, ref in data.to_dict().items() if isinstance(ref, str)]
    lines = [
        "check the data: " + ("; ".join(sets) or "none given"),
        f"export {recipe.model.source} and compare it with the original at batch sizes 1, 2 and 5",
    ]
    for name, spec in recipe.inputs.items():
        steps = ", ".join(step.op for step in spec.steps) or "none"
        lines.append(f"put the preprocessing of {name!r} into the graph: {steps}")
    if recipe.prune.wanted:
        lines += _pruning(recipe)
    if any(each.precision == "int8" for each in chosen):
        lines.append(f"find int8 scales on at most {recipe.quantise.samples} calibration samples, once")
    lines.append("build and load, each in its own process: " + ", ".join(each.id for each in chosen))
    lines += [f"leave out {key}: {why}" for key, why in left_out.items()]
    elsewhere = all(each.unmeasured for each in chosen)
    for why, names in _by_reason(chosen).items():
        lines.append(f"leave to {target} which is the fastest of {', '.join(names)}: {why}")
    if stood_in := [each.id for each in chosen if each.stand_in]:
        lines.append(f"do not time {', '.join(stood_in)}: a stand-in answers for them")
    if timed := [each.id for each in chosen if not each.stand_in]:
        line = f"time {', '.join(timed)} in turns, 1 sample at a time, {_counted(recipe.threads, 'thread')}"
        lines.append(f"{line}, for information: this machine's times do not decide" if elsewhere else line)
    lines.append(_rule(recipe, elsewhere=elsewhere))
    lines.append(_acceptance(recipe))
    return tuple(lines)


def _acceptance(recipe: Recipe) -> str:
    spec, ref = recipe.judge, recipe.data.accept
    if ref is None:
        return "no acceptance set: no figures, no verdict (stamp: not judged)"
    if not spec.gate:
        return f"judge on {ref}, and keep whatever the verdict (stamp: gate off)"
    return (
        f"judge on {ref}: keep what is proven not worse than the original, each figure within its margin at "
        f"one-sided alpha {spec.alpha:g} (without labels: what agrees; stamp: not judged)"
    )


def _pruning(recipe: Recipe) -> list[str]:
    spec = recipe.prune
    single = f", {len(spec.layers)} entries of single layers" if spec.layers else ""
    lines = [f"prune {100 * spec.ratio:.3g} % of the channels{single}; heads and last layers stay whole"]
    if recipe.data.calibrate is None or not spec.budget_min:
        return [*lines, "no recovery: the pruned artefacts are stamped so"]
    most = f"at most {_counted(spec.epochs, 'epoch')} and {_counted(spec.budget_min, 'minute')}"
    return [*lines, f"recover by distillation from the original on the calibration set, {most}"]


def _by_reason(chosen: Sequence[Candidate]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for each in chosen:
        if each.unmeasured:
            reasons.setdefault(each.unmeasured, []).append(each.id)
    return reasons


def _counted(count: float, noun: str) -> str:
    return f"{count:g} {noun}{'' if count == 1 else 's'}"


def _rule(recipe: Recipe, *, elsewhere: bool) -> str:
    rules = [limits_in_words(recipe.agreement, labelled=False) + " (stamp: speed only)"]
    if recipe.data.select is not None:
        rules.insert(0, limits_in_words(recipe.agreement, labelled=True))
    cases = recipe.data.select or recipe.data.calibrate or "synthetic golden cases"
    kept = "keep all that agree" if elsewhere else "keep, per runtime, the fastest that agrees"
    return f"{kept} with the original on {cases}: " + "; ".join(rules)
