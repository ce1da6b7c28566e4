"""What the outcome of a verdict rests on, in words."""

from __future__ import annotations

from collections.abc import Sequence

from edgemed.report.numerals import NO_BREAK, NONE, change, count
from edgemed.report.tables import TITLES
from edgemed.types.tensor import OutputSpec
from edgemed.types.verdict import Difference, Verdict

GATE_OFF, NOT_JUDGED = "gate off", "not judged"
"""Stamps of what was kept whatever its verdict, and of what has none."""
NO_MARGIN = "no margin is set, so there is nothing to prove"
IN_UNITS = ("bias", "mae")
"""Metrics whose margin is in the output's unit."""


def short(digest: str) -> str:
    return digest[:12]


def title_of(each: Difference, *, output: bool = False) -> str:
    """`sensitivity, kidney`; with the name of its output before it where there are several."""
    label = f", {each.label}" if each.label else ""
    title = "bias, either way" if each.metric == "bias" else TITLES.get(each.metric, each.metric)
    return f"{f'{each.output}: ' if output else ''}{title}{label}"


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


def ground(each: Difference, specs: Sequence[OutputSpec] = (), *, output: bool = False) -> str:
    """One difference and its margin: how large it is, or how many cases it would take."""
    title = title_of(each, output=output)
    bounds = between(each)
    if each.difference is None or not bounds:
        return f"{title} is not known: {each.reason}" if each.reason else f"{title} is not known"
    margin = f"margin {margin_of(each, specs)}"
    cases = needed(each, spec_of(each, specs))
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


def deciders(verdict: Verdict) -> list[Difference]:
    """What keeps it from being proven; where it is proven, all that decided, the least room first."""
    return stopping(verdict) or sorted(verdict.deciding, key=room)


def grounds(verdict: Verdict, specs: Sequence[OutputSpec] = (), most: int | None = None) -> list[str]:
    """The first `most` of what decided, or all, how many more there are, and which outputs have no margin."""
    if not verdict.deciding:
        return [NO_MARGIN]
    found = deciders(verdict) if verdict.outcome == "proven" else stopping(verdict)
    told = [ground(each, specs, output=several_outputs(verdict)) for each in found[:most]]
    if len(found) > len(told):
        told.append(f"and {len(found) - len(told)} more")
    if verdict.outcome == "not provable":
        told += [f"no margin is set for {name}, so nothing is proven of it" for name in _unasked(verdict)]
    return told


def _unasked(verdict: Verdict) -> list[str]:
    """Outputs without a margin."""
    asked = {each.output for each in verdict.deciding}
    return [name for name in dict.fromkeys(each.output for each in verdict.differences) if name not in asked]


def several_outputs(verdict: Verdict) -> bool:
    """Whether a difference must name its output."""
    return len({each.output for each in verdict.differences}) > 1


def spec_of(each: Difference, specs: Sequence[OutputSpec]) -> OutputSpec | None:
    return next((spec for spec in specs if spec.name == each.output), None)


def margin_of(each: Difference, specs: Sequence[OutputSpec] = ()) -> str:
    """As it was given, with its unit; one that follows from the original's own error has no more digits than
    it deserves.
    """
    if each.margin is None:
        return NONE
    spec = spec_of(each, specs)
    unit = spec.unit if spec is not None and each.metric in IN_UNITS else ""
    return f"{each.margin:.3g}" + (f"{NO_BREAK}{unit}" if unit else "")


def margins_of(verdict: Verdict, specs: Sequence[OutputSpec] = ()) -> str:
    """`AUC 0.02, sensitivity 0.05`: of each metric that decides, the span where its margins differ."""
    found: dict[str, list[Difference]] = {}
    for each in verdict.deciding:
        if each.margin is not None:
            found.setdefault(TITLES.get(each.metric, each.metric), []).append(each)
    told = []
    for title, those in found.items():
        ends = [margin_of(pick(those, key=lambda each: each.margin or 0.0), specs) for pick in (min, max)]
        told.append(f"{title} {' to '.join(dict.fromkeys(ends))}")
    return ", ".join(told)


def outcome_on(verdict: Verdict) -> str:
    """`refuted on 624 acceptance cases of 410 patients or groups`."""
    told = "proven not worse than the original" if verdict.outcome == "proven" else verdict.outcome
    return f"{told} on {cases_of(verdict)}"


def sentence(verdict: Verdict, specs: Sequence[OutputSpec] = (), most: int | None = None) -> str:
    """The outcome and what it rests on: the margins, or the first `most` of what stands in the way."""
    if verdict.outcome == "proven":
        return f"{outcome_on(verdict)} (margins: {margins_of(verdict, specs)})"
    return f"{outcome_on(verdict)}: {'; '.join(grounds(verdict, specs, most))}"


def whole_sentence(clause: str) -> str:
    """With a capital and a full stop."""
    return f"{clause[:1].upper()}{clause[1:]}."


def cases_of(verdict: Verdict) -> str:
    """`624 acceptance cases of 410 patients`."""
    of = "" if verdict.groups is None else f" of {count(verdict.groups)} patients or groups"
    return f"{count(verdict.cases)} acceptance cases{of}"
