"""What this machine could not find out of a candidate: its answers on its own hardware, its time there.

And whose the times are that are shown.
"""

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


def not_measured(candidates: Iterable[CandidateResult]) -> list[Unknown]:
    """By why their time here tells nothing of the target's."""
    return _grouped(candidates, lambda each: each.unmeasured)


def whose_times(compilation: Compilation) -> str:
    """`this machine's, not raspberry-pi-5's` where times are shown that decided nothing; else empty."""
    foreign = any(each.unmeasured and each.latency is not None for each in compilation.candidates)
    return f"this machine's, not {compilation.target}'s" if foreign else ""


def unknown_notes(compilation: Compilation) -> list[str]:
    """What the marks mean, each reason once."""
    timed = {each.id for each in compilation.candidates if each.latency is not None}
    executed = [
        f"Not executed on its hardware: {', '.join(each.ids)}. The answers, and so all figures, are those of "
        f"the same graph in {each.reason}."
        for each in not_executed(compilation.candidates)
    ]
    measured = []
    for each in not_measured(compilation.candidates):
        note = f"Not measured on {compilation.target}: {each.reason}."
        if here := [name for name in each.ids if name in timed]:
            note += f" Timed on this machine for information, which decided nothing: {', '.join(here)}."
        if never := [name for name in each.ids if name not in timed]:
            note += f" Not timed at all: {', '.join(never)}."
        measured.append(note)
    return executed + measured


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
