"""What the outcome of a verdict rests on, in words."""

from __future__ import annotations

from collections.abc import Sequence

from edgemed.report.numerals import change, count, measured
from edgemed.report.tables import TITLES
from edgemed.types.tensor import OutputSpec
from edgemed.types.verdict import Difference, Verdict

GATE_OFF, NOT_JUDGED = "gate off", "not judged"
"""Stamps of what was kept whatever its verdict, and of what has none."""


def short(digest: str) -> str:
    return digest[:12]


def title_of(each: Difference, *, output: bool = False) -> str:
    """`sensitivity, kidney`; with the name of its output before it where there are several."""
    label = f", {each.label}" if each.label else ""
    return f"{f'{each.output}: ' if output else ''}{TITLES.get(each.metric, each.metric)}{label}"


def between(each: Difference) -> str:
    """Bounds of its interval, empty where there is none."""
    if each.low is None or each.high is None:
        return ""
    return f"{change(each.metric, each.low)} to {change(each.metric, each.high)}"


def cases_like(each: Difference, spec: OutputSpec | None = None) -> str:
    """What its `n` counts: `clear cases` for a specificity, `cases` for what is of all of them."""
    if each.metric not in ("sensitivity", "specificity") or each.label == "macro":
        return "cases"
    positive = each.metric == "sensitivity"
    if each.label:
        return f"cases {'with' if positive else 'without'} {each.label}"
    names = spec.labels if spec is not None and len(spec.labels) == 2 else ("negative", "positive")
    return f"{names[positive]} cases"


def needed(each: Difference, spec: OutputSpec | None = None) -> str:
    """`needs 240 clear cases, 112 are there`, empty where that is not known."""
    if each.cases_needed is None:
        return ""
    return f"needs {count(each.cases_needed)} {cases_like(each, spec)}, {count(each.n)} are there"


def ground(each: Difference, specs: Sequence[OutputSpec] = ()) -> str:
    """One difference that stands in the way: how large it is, or how many cases it would take."""
    title = title_of(each, output=len(specs) > 1)
    bounds = between(each)
    if each.difference is None or not bounds:
        return f"{title} is not known: {each.reason}" if each.reason else f"{title} is not known"
    margin = f"margin {margin_of(each)}"
    cases = needed(each, next((spec for spec in specs if spec.name == each.output), None))
    if each.outcome == "not provable" and cases:
        return f"{title} {cases} ({bounds}, {margin})"
    reason = f": {each.reason}" if each.reason else ""
    return f"{title} {change(each.metric, each.difference)} ({bounds}), {margin}{reason}"


def stopping(verdict: Verdict) -> list[Difference]:
    """Those that keep it from being proven, the one farthest beyond its margin first."""
    found = [each for each in verdict.deciding if each.outcome == verdict.outcome != "proven"]
    return sorted(found, key=room)


def room(each: Difference) -> float:
    """Its lower bound in margins: above -1 it is proven."""
    return float("-inf") if each.low is None or not each.margin else each.low / each.margin


def grounds(verdict: Verdict, specs: Sequence[OutputSpec] = (), most: int = 2) -> str:
    """The first `most` of what stands in the way, and how many more there are."""
    found = stopping(verdict)
    told = [ground(each, specs) for each in found[:most]]
    if len(found) > most:
        told.append(f"and {len(found) - most} more")
    return "; ".join(told)


def margin_of(each: Difference) -> str:
    """As it was given; one that follows from the original's own error has no more digits than it deserves."""
    if each.margin is None:
        return measured(each.metric, None)
    return f"{each.margin:.3g}"


def margins_of(verdict: Verdict) -> str:
    """`AUC 0.02, sensitivity 0.05`: of each metric that decides, the span where its margins differ."""
    found: dict[str, list[Difference]] = {}
    for each in verdict.deciding:
        if each.margin is not None:
            found.setdefault(TITLES.get(each.metric, each.metric), []).append(each)
    told = []
    for title, those in found.items():
        ends = [margin_of(pick(those, key=lambda each: each.margin or 0.0)) for pick in (min, max)]
        told.append(f"{title} {' to '.join(dict.fromkeys(ends))}")
    return ", ".join(told)


def sentence(verdict: Verdict) -> str:
    """The outcome and all that it rests on."""
    if verdict.outcome == "proven":
        return f"proven not worse on {cases_of(verdict)} (margins: {margins_of(verdict)})"
    return f"{verdict.outcome} on {cases_of(verdict)}: {grounds(verdict, most=len(verdict.deciding))}"


def cases_of(verdict: Verdict) -> str:
    """`624 acceptance cases of 410 patients`."""
    of = "" if verdict.groups is None else f" of {count(verdict.groups)} patients or groups"
    return f"{count(verdict.cases)} acceptance cases{of}"
