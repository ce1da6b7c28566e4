"""`decisions.json`: a compile's choices by the clock, written for the next and taken from an earlier one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from edgemed.disk import disk_failure, write_whole
from edgemed.errors import BadInput
from edgemed.stages.choose import Choice
from edgemed.stages.job import Job
from edgemed.stages.pruning import Pruned
from edgemed.types import CardSpec, DataFacts, Decisions, Recipe
from edgemed.types.decisions import DECISIONS_FILE

_LEAVE_OUT = "leave out --decisions: this compile then decides for itself"


def read_decisions(path: Path) -> Decisions:
    """Raises `BadInput` where it cannot be read."""
    try:
        return Decisions.from_json(path.read_text(encoding="utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"cannot be read: {getattr(error, 'strerror', 'it is not text')}",
            where=f"--decisions {path}",
            remedy="give a compile's decisions.json",
        ) from None


def check_recipe_of(decisions: Decisions | None, recipe: Recipe) -> None:
    """`recipe` has the digests of its steps' files. Raises `BadInput` where they are another recipe's."""
    if decisions is not None and decisions.recipe != _digest(recipe):
        raise BadInput(
            "these are the decisions of another recipe: model, sets or keys differ",
            where="--decisions",
            remedy=_LEAVE_OUT,
        )


def check_data_of(job: Job, data: Sequence[DataFacts]) -> tuple[str, ...]:
    """Raises `BadInput` where the sets are others than those that were decided on. Gives warnings."""
    if job.decisions is None:
        return ()
    if job.decisions.data != _digests(data):
        raise BadInput(
            "the sets hold other data than those that were decided on", where="--decisions", remedy=_LEAVE_OUT
        )
    then, now = job.decisions.tools, job.tools
    others = [
        f"{name} {then.get(name, 'none')} then, {now.get(name, 'none')} now"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    if not others:
        return ()
    return (f"--decisions: other tools may give other bytes ({'; '.join(others)})",)


def as_decided(job: Job, choice: Choice, works: Collection[str]) -> Choice:
    """The choice of an earlier compile instead of `choice`; `works` are the ids of what answers here.

    Raises `BadInput` where something that was kept then does not work now.
    """
    if job.decisions is None:
        return choice
    kept, agreeing = job.decisions.kept, frozenset(job.decisions.agreeing)
    missing = sorted({*agreeing, *(name for names in kept.values() for name in names)} - {*works})
    if missing:
        raise BadInput(
            f"{', '.join(missing)} could be chosen then, and cannot be built or executed now",
            where="--decisions",
            remedy=_LEAVE_OUT,
        )
    chosen = {name for names in kept.values() for name in names}
    reasons = {
        name: f"{'kept' if name in chosen else 'not kept'} as {DECISIONS_FILE} says; {reason}"
        for name, reason in choice.reasons.items()
    }
    return Choice(kept, reasons, agreeing)


def write_decisions(job: Job, data: Sequence[DataFacts], choice: Choice, pruned: Pruned | None) -> None:
    """Raises `ToolFailure` where the disk refuses."""
    recovery = None if pruned is None else pruned.facts.recovery
    found = Decisions(
        recipe=_digest(job.recipe),
        data=_digests(data),
        tools=job.tools,
        kept=choice.kept,
        agreeing=tuple(sorted(choice.agreeing)),
        recovery=None if recovery is None else recovery.course,
    )
    path = job.out / DECISIONS_FILE
    try:
        write_whole(path, found.to_json())
    except OSError as error:
        raise disk_failure(error, job.shown_out / DECISIONS_FILE) from None


def _digest(recipe: Recipe) -> str:
    return replace(recipe, card=CardSpec()).digest


def _digests(data: Sequence[DataFacts]) -> dict[str, str]:
    return {each.role: each.sha256 for each in data}
