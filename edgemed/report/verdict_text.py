"""A verdict in a few lines of a terminal, 80 columns wide and in plain characters."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from edgemed.report.grounds import grounds, outcome_on, several_outputs, short, title_of
from edgemed.report.numerals import MINUS, NO_BREAK, NONE, THIN
from edgemed.report.openings import optimism
from edgemed.types.tensor import OutputSpec
from edgemed.types.verdict import Verdict

WIDTH, INDENT = 80, 11
MOST = 4
"""Differences that are told."""
_PLAIN = str.maketrans(MINUS + NONE + NO_BREAK + THIN + "²…", "--  2.")


def verdict_lines(verdict: Verdict, specs: Sequence[OutputSpec] = ()) -> list[str]:
    """The first names outcome and cases, the others the differences that decided it, the nearest first.

    For `edgemed compile` and `edgemed judge`; each line fits 80 columns. `specs` give names of classes and
    units. Of a subgroup only the stratum is named: what a terminal shows is copied into logs and chats, and a
    value may point to a place or a patient.
    """
    name = f"{verdict.id}: " if verdict.id else ""
    texts = [f"{name}{outcome_on(verdict)}", *grounds(verdict, specs, MOST), *_beside(verdict)]
    lines = []
    for index, text in enumerate(texts):
        lines += textwrap.wrap(
            text.translate(_PLAIN), WIDTH,
            initial_indent=" " * INDENT if index else f"{'verdict':<{INDENT}}",
            subsequent_indent=" " * (INDENT + (2 if index else 0)),
            break_on_hyphens=False,
        )  # fmt: skip
    return lines


def _beside(verdict: Verdict) -> Sequence[str]:
    """What a reader must know of it."""
    texts = []
    subgroups = [each for each in verdict.differences if each.subgroup]
    worse = [each for each in subgroups if each.outcome == "refuted"]
    if subgroups and not worse:
        texts.append("no subgroup is surely worse by more than the margin (see --json)")
    if worse:
        title = title_of(worse[0], output=several_outputs(verdict))
        stratum, _, _ = worse[0].subgroup.partition("=")
        more = f" and {len(worse) - 1} more" if len(worse) > 1 else ""
        texts.append(f"look at a subgroup by {stratum}: worse by more than the margin: {title}{more}")
    if optimistic := optimism(verdict):
        texts.append(optimistic)
    if verdict.artefact:
        by = f", answers by {verdict.executed_by}" if verdict.executed_by else ""
        texts.append(f"for the artefact {short(verdict.artefact)} alone{by}")
    return texts
