"""The page: what the template shows, laid out as rows, and the template filled in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from edgemed.report import charts, numerals, roc_chart
from edgemed.report.cases import SETS, cases
from edgemed.report.flips import flip_tables
from edgemed.report.forest_chart import drawn, forest_chart
from edgemed.report.gallery import Picture, gallery, scored
from edgemed.report.grounds import GATE_OFF, cases_of
from edgemed.report.headline import headline
from edgemed.report.limits import limits_in_words
from edgemed.report.margins import asked
from edgemed.report.openings import ledger
from edgemed.report.outcome_mark import outcome_badge
from edgemed.report.probabilities import probabilities, temperature_told
from edgemed.report.pruning import pruning_section
from edgemed.report.recovery_chart import recovery_chart
from edgemed.report.stress import stress_section
from edgemed.report.tables import (
    candidate_rows,
    comparison_tables,
    nearness_notes,
    nearness_rows,
    tail_percentile,
)
from edgemed.report.trade_off import trade_off
from edgemed.report.trade_off_chart import trade_off_chart
from edgemed.report.unknowns import unknown_notes, whose_times
from edgemed.report.verdict import OUTCOMES, verdict_section
from edgemed.types.compilation import Compilation
from edgemed.types.stress import Stress


def render(compilation: Compilation, pictures: Sequence[Picture] = (), stress: Stress | None = None) -> str:
    """The whole page as one string that refers to nothing outside itself."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    folder = files("edgemed.report")
    loader = FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8"))
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters.update(numerals.FILTERS, outcome=outcome_badge)
    tail = tail_percentile(compilation)
    trade = trade_off(compilation)
    pruning = compilation.pruning
    recovery = None if pruning is None else pruning.recovery
    return environment.get_template("report.html.jinja").render(
        c=compilation,
        css=Markup(folder.joinpath("report.css").read_text("utf-8")),
        headline=headline(compilation),
        key=_key_figures(compilation),
        verdict=verdict_section(compilation),
        outcomes=OUTCOMES,
        forest=forest_chart,
        drawn=drawn,
        ledger=ledger(compilation),
        asked=asked(compilation),
        gated=_gated(compilation),
        limits=_limits(compilation),
        chart=charts.latency_chart(compilation),
        trade=trade,
        trade_chart=None if trade is None else trade_off_chart(trade),
        pruning=pruning_section(compilation),
        recovery_chart=None if recovery is None else recovery_chart(recovery),
        unknowns=unknown_notes(compilation),
        whose=whose_times(compilation),
        timed=any(each.latency is not None for each in compilation.candidates),
        candidates=candidate_rows(compilation),
        compared_on=_compared_on(compilation),
        sets=_sets(compilation),
        tail=tail,
        tail_note="" if tail is None else tail.note,
        comparisons=comparison_tables(compilation),
        nearness=nearness_rows(compilation),
        nearness_notes=nearness_notes(compilation),
        panels=roc_chart.roc_panels(compilation),
        roc_models=roc_chart.roc_models(compilation),
        points=_points(compilation),
        curves=len({curve.model for curve in compilation.roc}),
        roc_style=roc_chart.roc_style,
        probabilities=probabilities(compilation),
        temperature_told=temperature_told,
        stress=None if stress is None else stress_section(stress),
        flips=flip_tables(compilation),
        scored=scored,
        layers=_layers(compilation),
        longest=max([stage.seconds for stage in compilation.stages], default=0.0) or 1.0,
        stage_total=_stage_total(compilation),
        recipe=json.dumps(compilation.recipe, indent=2),
        gallery=gallery(compilation, pictures),
    )


def _key_figures(compilation: Compilation) -> list[dict[str, str]]:
    best = compilation.candidate(compilation.best)
    if best is None:
        return []
    original = compilation.original
    key = []
    if best.verdict is not None:
        told = cases_of(best.verdict)
        key.append(
            {"title": "Not worse than the original", "value": best.verdict.outcome, "was": f"on {told}"}
        )
    if best.ratio is not None:
        key.append(
            {
                "title": "Median time per case",
                "value": f"{numerals.significant(best.ratio.candidate_ms)} ms",
                "was": f"original {numerals.significant(best.ratio.baseline_ms)} ms, ratio "
                f"{numerals.ratio(best.ratio)}{_within(numerals.ratio_interval(best.ratio))}",
            }
        )
    if best.size_bytes is not None:
        was = f"original {numerals.size(original.size_bytes)}"
        key.append({"title": "Size on disk", "value": numerals.size(best.size_bytes), "was": was})
    rows = [row for row in nearness_rows(compilation) if row.id == best.id and row.it.decisions is not None]
    if rows:
        least = min(rows, key=lambda row: row.decisions)
        value = numerals.share(least.decisions)
        key.append(
            {
                "title": f"Same decisions{f' on {least.label}' if least.label else ''}",
                "value": value,
                "was": f"of {cases(least.it.n, 'accept')}{_within(least.decisions_between)}",
            }
        )
    figures = best.accept_figures or ()
    auc = next((item for each in figures if (item := each.get("auc")) is not None), None)
    mae = next((item for each in figures if (item := each.get("mae")) is not None), None)
    for item in (auc, mae):
        if item is not None and item.value is not None:
            title = {"auc": "AUC, acceptance set", "mae": "Mean absolute error, acceptance set"}[item.name]
            between = numerals.interval(item)
            was = f"original {_original_figure(compilation, item.name)}"
            if between:
                was = f"95{numerals.NO_BREAK}% interval {between}, {was}"
            key.append({"title": title, "value": numerals.figure(item), "was": was})
    return key


def _original_figure(compilation: Compilation, name: str) -> str:
    found = [each.get(name) for each in compilation.original.accept_figures or ()]
    return numerals.figure(next((each for each in found if each is not None), None))


def _within(between: str) -> str:
    return f" (95{numerals.NO_BREAK}% {between})" if between else ""


def _limits(compilation: Compilation) -> str:
    labelled = any(each.labelled for each in compilation.data if each.role == "select")
    return limits_in_words(compilation.agreement, labelled=labelled)


def _gated(compilation: Compilation) -> bool:
    judged = any(each.verdict is not None for each in compilation.candidates)
    return judged and GATE_OFF not in compilation.stamps


def _points(compilation: Compilation) -> str:
    """What the marks in the ROC panels stand for, empty where there are none."""
    told = {
        "at the largest probability"
        if each.kind == "multiclass"
        else f"at the threshold {each.threshold:.4g}"
        for each in compilation.original.accept_figures or ()
        if each.kind != "regression" and each.items
    }
    return " or ".join(sorted(told))


def _compared_on(compilation: Compilation) -> str:
    """Where the figures of nearness of all candidates come from, "" where none was compared."""
    compared = [figures for each in compilation.candidates for figures in each.select_agreement or ()]
    if not compared:
        return ""
    outputs = ", of the output that agrees least" if len(compilation.model.outputs) > 1 else ""
    labels = ", of decisions the label" if any(each.kind == "multilabel" for each in compared) else ""
    return SETS[compilation.compared_on] + outputs + (f"{labels} that agrees least" if labels else "")


def _sets(compilation: Compilation) -> str:
    """What each of the sets that were given is for."""
    purposes = {"calibrate": "int8 scales", "select": "choices", "accept": "reported figures"}
    if compilation.compared_on == "calibrate":
        purposes["calibrate"] += " and, for want of a selection set, choices"
    given = [each.role for each in compilation.data]
    told = [f"{purposes[role]} come from the {role} set" for role in given]
    apart = " The sets share no case." if len(given) > 1 else ""
    return "; ".join(told).capitalize() + "." + apart


def _layers(compilation: Compilation) -> list[dict[str, Any]]:
    tables = []
    for each in compilation.candidates:
        if each.layers:
            counts = Counter(layer.precision for layer in each.layers).most_common()
            summary = ", ".join(f"{number} in {precision}" for precision, number in counts)
            tables.append({"id": each.id, "stand_in": each.stand_in, "summary": summary, "rows": each.layers})
    return tables


def _stage_total(compilation: Compilation) -> str:
    total = sum(stage.seconds for stage in compilation.stages if not stage.cached)
    cached = sum(stage.cached for stage in compilation.stages)
    text = f"{numerals.seconds(total)} in all"
    return f"{text}; {cached} stage{'s' if cached > 1 else ''} found in the cache." if cached else f"{text}."
