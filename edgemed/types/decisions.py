"""Decisions: what a compile decided by the clock, so that another one of the same recipe decides alike."""

from __future__ import annotations

from edgemed.errors import BadInput
from edgemed.types.record import Record

DECISIONS_FILE = "decisions.json"


class RecoveryCourse(Record):
    """How far the budget let a pruned model's recovery go.

    `planned` are the epochs that there was room for, as seen behind each epoch; `cut` counts the steps after
    which the budget was spent, None where it was not.
    """

    planned: tuple[int, ...] = ()
    cut: int | None = None


class Decisions(Record):
    """`decisions.json`. `recipe` is the digest of the recipe without its card, `data` of each set by role.

    `kept` are the choices per backend and `agreeing` all that might have been chosen, by id, before the
    acceptance set was opened; what it says of them depends on no clock.
    """

    recipe: str
    data: dict[str, str]
    tools: dict[str, str]
    kept: dict[str, tuple[str, ...]]
    agreeing: tuple[str, ...]
    recovery: RecoveryCourse | None = None
    format_version: int = 1

    def __post_init__(self) -> None:
        if self.format_version != 1:
            raise BadInput(
                f"format version {self.format_version}; this edgemed reads 1", where="format_version"
            )
