"""Rows of the report's tables, from a compilation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgemed.report.numerals import MINUS, NO_BREAK, count, share, signed
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.figures import AgreementFigures, Figure, Figures, Latency

TITLES = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "bias": "bias",
    "r2": "R²",
    "brier": "Brier score",
    "log_loss": "log loss",
}
ORDER = {"kept": 0, "dropped": 1, "failed": 2}


@dataclass(frozen=True)
class Tail:
    """The highest percentile that every measured model has enough samples for."""

    title: str
    field: str
    note: str

    def of(self, latency: Latency | None) -> float | None:
        return None if latency is None else getattr(latency, self.field)


@dataclass(frozen=True)
class CandidateRow:
    it: CandidateResult
    p50: float | None
    decisions: float | None
    auc: float | None
    snr: str
    reason: str


@dataclass(frozen=True)
class NearnessRow:
    id: str
    stand_in: str
    it: AgreementFigures
    auc: Figure | None
    auc_between: str
    decisions: float
    decisions_between: str
    label: str
    """Of a multilabel output, the label that agrees least: `decisions` are of it."""
    snr: str


@dataclass(frozen=True)
class ComparisonRow:
    name: str
    n: int
    items: tuple[Figure | None, ...]


@dataclass(frozen=True)
class Comparison:
    output: str
    n: int
    threshold: float | None
    counts: str
    methods: str
    artefacts: tuple[CandidateResult, ...]
    """Of the columns behind the original's."""
    rows: tuple[ComparisonRow, ...]
    reasons: tuple[str, ...]


def kept(compilation: Compilation) -> list[CandidateResult]:
    """Kept candidates, the best first."""
    found = [each for each in compilation.candidates if each.status == "kept"]
    return sorted(found, key=lambda each: each.id != compilation.best)


def tail_percentile(compilation: Compilation) -> Tail | None:
    measured = [compilation.original.latency, *(each.latency for each in compilation.candidates)]
    latencies = [each for each in measured if each is not None]
    for title, field in (("p99", "p99_ms"), ("p95", "p95_ms"), ("p90", "p90_ms")):
        if latencies and all(getattr(each, field) is not None for each in latencies):
            least = min(each.n for each in latencies)
            return Tail(title, field, f"Median and {title} are of {count(least)} timed calls or more.")
    return None


def candidate_rows(compilation: Compilation) -> list[CandidateRow]:
    """Kept, then dropped, then failed; the faster first."""
    rows = []
    for each in compilation.candidates:
        found = each.select_agreement or ()
        decisions = [a.decisions.value for a in found if a.decisions and a.decisions.value is not None]
        aucs = [d.value for a in found if (d := a.difference("auc")) is not None and d.value is not None]
        snrs = [a for a in found if not a.identical]
        worst = min(snrs, key=lambda a: -1e9 if a.snr_db is None else a.snr_db, default=None)
        rows.append(
            CandidateRow(
                each,
                None if each.latency is None else each.latency.p50_ms,
                min(decisions, default=None),
                max(aucs, key=abs, default=None),
                "–" if not found else "identical" if worst is None else _snr(worst),
                each.reason,
            )
        )
    return sorted(rows, key=lambda row: (ORDER[row.it.status], row.it.id != compilation.best, _pace(row.it)))


def comparison_tables(compilation: Compilation) -> list[Comparison]:
    """One table per output: the original beside each kept artefact."""
    shown = [each for each in kept(compilation) if each.accept_figures]
    models = [compilation.original.accept_figures or (), *(each.accept_figures or () for each in shown)]
    tables = []
    for base in compilation.original.accept_figures or ():
        if not base.items:
            continue
        columns = [_of(figures, base.output) for figures in models]
        rows = []
        for item in base.items:
            items = [column.get(item.name, item.label) if column else None for column in columns]
            label = f", {item.label}" if item.label else ""
            rows.append(ComparisonRow(f"{TITLES.get(item.name, item.name)}{label}", item.n, tuple(items)))
        tables.append(
            Comparison(
                base.output,
                base.n,
                base.threshold,
                ", ".join(f"{name} {number}" for name, number in base.class_counts.items()),
                _methods(base),
                tuple(shown),
                tuple(rows),
                tuple(dict.fromkeys(_reasons(base))),
            )
        )
    return tables


def nearness_rows(compilation: Compilation) -> list[NearnessRow]:
    rows = []
    for each in kept(compilation):
        for found in each.accept_agreement or ():
            auc, decided = found.difference("auc"), found.decisions
            rows.append(
                NearnessRow(
                    each.id,
                    each.stand_in,
                    found,
                    auc,
                    "" if auc is None or auc.low is None else f"{signed(auc.low)} to {signed(auc.high)}",
                    1.0 if decided is None or decided.value is None else decided.value,
                    "" if decided is None or decided.low is None else _between(decided),
                    "" if decided is None else decided.label,
                    _snr(found),
                )
            )
    return rows


def nearness_notes(compilation: Compilation) -> list[str]:
    return [
        f"{row.id}, {row.it.output}: {note}." for row in nearness_rows(compilation) for note in row.it.notes
    ]


def columns_of(found: AgreementFigures, compilation: Compilation) -> int:
    """Decisions that one case asks of an output: one, or one per label."""
    if found.kind != "multilabel":
        return 1
    return next(spec.columns for spec in compilation.model.outputs if spec.name == found.output)


def _between(item: Figure) -> str:
    return f"{share(item.low)} to {share(item.high)}".replace(f"{NO_BREAK}%", "", 1)


def _snr(found: AgreementFigures) -> str:
    if found.identical:
        return "identical"
    return f"{MINUS}∞" if found.snr_db is None else f"{found.snr_db:.1f}".replace("-", MINUS)


def _pace(candidate: CandidateResult) -> float:
    return float("inf") if candidate.ratio is None else candidate.ratio.ratio


def _of(figures: tuple[Figures, ...], output: str) -> Figures | None:
    return next((each for each in figures if each.output == output), None)


def _methods(figures: Figures) -> str:
    uses: dict[str, list[Any]] = {}
    for item in figures.items:
        if item.method:
            names = uses.setdefault(item.method, [])
            title = TITLES.get(item.name, item.name)
            if title not in names:
                names.append(title)
    return "; ".join(f"{method}: {', '.join(names)}" for method, names in uses.items()) or "none"


def _reasons(figures: Figures) -> list[str]:
    found = []
    for item in figures.items:
        if item.reason:
            label = f", {item.label}" if item.label else ""
            state = "is not defined" if item.value is None else "of the original"
            found.append(f"{TITLES.get(item.name, item.name)}{label} {state}: {item.reason}.")
    return found
