"""Plan: which candidates a compile will try and what it will do, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgemed.backends import Form, get_backend
from edgemed.errors import BadInput, Unavailable
from edgemed.report.limits import limits_in_words
from edgemed.runtime import instruction_sets
from edgemed.stages.artefacts import ORIGINAL, Candidate
from edgemed.targets import Target, load_target
from edgemed.types import Recipe, Record


@dataclass(frozen=True)
class Plan(Record):
    """What will be done, in order. `left_out` maps a candidate's id to why it is not tried."""

    target: str
    candidates: tuple[str, ...]
    left_out: dict[str, str]
    forms: tuple[Form, ...]
    """Forms of the graph that the candidates need."""
    lines: tuple[str, ...]


def make_plan(recipe: Recipe, base: Path = Path()) -> tuple[Plan, tuple[Candidate, ...]]:
    """The plan for a recipe on this machine: its precisions, and fp32, on every runtime of the target.

    Raises `BadInput` where no candidate of the precisions asked for is left or a runtime is unknown.
    """
    target = load_target(recipe.target, base)
    chosen: list[Candidate] = []
    left_out: dict[str, str] = {}
    for name in dict.fromkeys(target.backends):
        try:
            backend = get_backend(name)
        except BadInput as error:
            where = f"backends of target {target.name}"
            raise BadInput(error.problem, where=where, remedy=error.remedy) from None
        availability = backend.availability()
        for precision in dict.fromkeys(("fp32", *recipe.precisions)):
            candidate = Candidate(name, precision)
            if precision not in target.precisions or precision not in backend.forms:
                continue
            if not availability.available:
                left_out[candidate.id] = f"{name} is not installed: {availability.remedy}"
            elif precision not in backend.precisions(instruction_sets()):
                left_out[candidate.id] = "this CPU has no such arithmetic"
            elif precision == "int8" and recipe.data.calibrate is None:
                left_out[candidate.id] = "int8 needs a calibration set (--calibrate)"
            else:
                chosen.append(candidate)
    if not any(each.precision in recipe.precisions for each in chosen):
        raise _nothing_left(recipe, target, left_out)
    missing = get_backend(ORIGINAL.backend).availability()
    if not missing.available:
        raise Unavailable("the original is run by ONNX Runtime, which is missing", remedy=missing.remedy)
    ids = tuple(each.id for each in chosen)
    forms = tuple(dict.fromkeys(get_backend(each.backend).forms[each.precision] for each in chosen))
    return Plan(target.name, ids, left_out, forms, _lines(recipe, ids, left_out)), tuple(chosen)


def _nothing_left(recipe: Recipe, target: Target, left_out: dict[str, str]) -> BadInput:
    reasons = "; ".join(f"{key}: {reason}" for key, reason in left_out.items())
    asked = ", ".join(recipe.precisions) or "no precision"
    offered = ", ".join(target.precisions)
    why = reasons or f"{asked} asked for, {offered} offered by target {target.name!r}"
    remedy = "edgemed doctor tells what is installed and what this CPU has"
    if not reasons:
        remedy = f"give a --precision of {offered}"
    elif recipe.data.calibrate is None and all(key.endswith("int8") for key in left_out):
        remedy = "give --calibrate SET: some hundred unlabelled samples"
    return BadInput(
        f"no candidate is left: {why}",
        where=f"--target {target.name} --precision {asked}",
        remedy=remedy,
    )


def _lines(recipe: Recipe, ids: tuple[str, ...], left_out: dict[str, str]) -> tuple[str, ...]:
    data = recipe.data
    sets = [f"{role} {ref}" for role, ref in data.to_dict().items() if isinstance(ref, str)]
    lines = [
        "check the data: " + ("; ".join(sets) or "none given"),
        f"export {recipe.model.source} and compare it with the original at batch sizes 1, 2 and 5",
    ]
    for name, spec in recipe.inputs.items():
        steps = ", ".join(step.op for step in spec.steps) or "none"
        lines.append(f"put the preprocessing of {name!r} into the graph: {steps}")
    if any(each.endswith("int8") for each in ids):
        lines.append(f"find int8 scales on {recipe.quantise.samples} calibration samples, once")
    lines.append("build and load, each in its own process: " + ", ".join(ids))
    lines += [f"leave out {key}: {why}" for key, why in left_out.items()]
    lines.append("time all candidates in turns, 1 sample at a time, " + _threads(recipe.threads))
    lines.append(_rule(recipe))
    lines.append(
        f"report on {data.accept}, which can only veto a choice"
        if data.accept
        else "no acceptance set: no figures"
    )
    return tuple(lines)


def _threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"


def _rule(recipe: Recipe) -> str:
    rules = [limits_in_words(recipe.agreement, labelled=False) + " (stamp: speed only)"]
    if recipe.data.select is not None:
        rules.insert(0, limits_in_words(recipe.agreement, labelled=True))
    cases = recipe.data.select or recipe.data.calibrate or "synthetic golden cases"
    return f"keep, per runtime, the fastest that agrees with the original on {cases}: " + "; ".join(rules)
