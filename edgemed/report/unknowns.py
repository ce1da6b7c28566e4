"""What this machine could not find out of a candidate: its answers on its own hardware, its time there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgemed.types.compilation import CandidateResult, Compilation


@dataclass(frozen=True)
class Unknown:
    """One reason and the candidates that it is for."""

    reason: str
    ids: tuple[str, ...]


def not_executed(candidates: Iterable[CandidateResult]) -> list[Unknown]:
    """By what answered in their place."""
    return _grouped(candidates, lambda each: each.stand_in)


def not_timed(candidates: Iterable[CandidateResult]) -> list[Unknown]:
    """By why their time here would tell nothing of the target's."""
    return _grouped(candidates, lambda each: each.unmeasured)


def unknown_notes(compilation: Compilation) -> list[str]:
    """What the marks mean, each reason once."""
    executed = [
        f"Not executed on its hardware: {', '.join(each.ids)}. The answers, and so all figures, are those of "
        f"the same graph in {each.reason}."
        for each in not_executed(compilation.candidates)
    ]
    return executed + [
        f"Not timed: {', '.join(each.ids)}. A time here would not be that of {compilation.target}: "
        f"{each.reason}."
        for each in not_timed(compilation.candidates)
    ]


def enumerated(ids: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *rest, last = ids
    return f"{', '.join(rest)} and {last}" if rest else last


def _grouped(candidates: Iterable[CandidateResult], why: Callable[[CandidateResult], str]) -> list[Unknown]:
    groups: dict[str, list[str]] = {}
    for each in candidates:
        if why(each):
            groups.setdefault(why(each), []).append(each.id)
    return [Unknown(reason, tuple(ids)) for reason, ids in groups.items()]
