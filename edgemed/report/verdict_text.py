"""A verdict in a few lines of a terminal, 80 columns wide and in plain characters."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from edgemed.report.grounds import (
    between,
    cases_of,
    margin_of,
    needed,
    room,
    short,
    stopping,
    title_of,
)
from edgemed.report.numerals import MINUS, NO_BREAK, NONE, THIN
from edgemed.report.openings import times
from edgemed.types.verdict import Difference, Verdict

WIDTH, INDENT = 80, 11
MOST = 4
"""Differences that are told; report.html has all."""
_TITLES = {"proven": "proven not worse", "refuted": "refuted", "not provable": "not provable at this n"}
_PLAIN = str.maketrans(MINUS + NONE + NO_BREAK + THIN + "²…", "--  2.")


def verdict_lines(verdict: Verdict) -> list[str]:
    """The first names outcome and cases, the others the differences that decided it, the nearest first.

    For `edgemed compile` and `edgemed inspect`; each line fits 80 columns.
    """
    outputs = len({each.output for each in verdict.differences}) > 1
    name = f"{verdict.id}: " if verdict.id else ""
    texts = [f"{name}{_TITLES[verdict.outcome]} on {cases_of(verdict)}"]
    found = stopping(verdict) or sorted(verdict.deciding, key=room)
    texts += [_told(each, verdict, outputs=outputs) for each in found[:MOST]]
    if len(found) > MOST:
        texts.append(f"and {len(found) - MOST} more")
    texts += _beside(verdict, outputs=outputs)
    lines = []
    for index, text in enumerate(texts):
        lines += textwrap.wrap(
            text.translate(_PLAIN), WIDTH,
            initial_indent=" " * INDENT if index else f"{'verdict':<{INDENT}}",
            subsequent_indent=" " * (INDENT + (2 if index else 0)),
            break_on_hyphens=False,
        )  # fmt: skip
    return lines


def _told(each: Difference, verdict: Verdict, *, outputs: bool) -> str:
    title, bounds = title_of(each, output=outputs), between(each)
    if not bounds:
        return f"{title}: {each.reason or 'not known'}"
    told = f"{title}: {bounds}, margin {margin_of(each)}"
    more = (needed(each) or each.reason) if verdict.outcome == "not provable" else ""
    return f"{told}; {more}" if more else told


def _beside(verdict: Verdict, *, outputs: bool) -> Sequence[str]:
    """What a reader must know of it."""
    texts = []
    worse = [each for each in verdict.differences if each.subgroup and each.outcome == "refuted"]
    if worse:
        first = f"{title_of(worse[0], output=outputs)} in {worse[0].subgroup}"
        more = f" and {len(worse) - 1} more" if len(worse) > 1 else ""
        texts.append(f"look at a subgroup: worse by more than the margin: {first}{more}")
    if verdict.opening > 1:
        texts.append(f"the acceptance set was opened {times(verdict.opening)}: this is optimistic")
    if verdict.artefact:
        by = f", answers by {verdict.executed_by}" if verdict.executed_by else ""
        texts.append(f"for the artefact {short(verdict.artefact)} alone{by}")
    return texts
