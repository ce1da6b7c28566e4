"""Figures that a comparison of an artefact with its original gives."""

from __future__ import annotations

from edgemed.types.record import Record
from edgemed.types.tensor import Kind


class Figure(Record):
    """One figure with its 95 % interval.

    `value` is None where the figure is not defined, and `reason` then says why. `low` and `high` are None
    where no interval is given; `method` names how it was found. `label` is the class or column it is for,
    "" for the whole output and "macro" for the plain mean over classes. `n` counts what it is a share or
    mean of: positives for a sensitivity, negatives for a specificity, cases otherwise.
    """

    name: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    label: str = ""
    unit: str = ""
    method: str = ""
    reason: str = ""


class Figures(Record):
    """How well one model does on one output of a labelled set.

    Names: `auc`, `accuracy`, `sensitivity`, `specificity`; for regression `mae`, `rmse`, `bias`, `r2`.
    `class_counts` maps a class to its number of cases (multilabel: a label to its number of positives).
    """

    output: str
    kind: Kind
    n: int
    threshold: float | None
    class_counts: dict[str, int]
    items: tuple[Figure, ...]

    def get(self, name: str, label: str | None = None) -> Figure | None:
        """The figure of that name, and of that label where given; the first of the name otherwise."""
        return _find(self.items, name, label)


class Flip(Record):
    """A case that the artefact decides otherwise than the original. Decisions and target are class names.

    Scores are probabilities: of the positive class or the label, of several classes that of the one that the
    model decided for.
    """

    case: str
    original: str
    artefact: str
    target: str | None = None
    label: str = ""
    """Which label of a multilabel output."""
    original_score: float | None = None
    artefact_score: float | None = None


class AgreementFigures(Record):
    """How near an artefact is to its original on one output of the same cases.

    Differences of predictions are in probability (values for regression). `decisions` is the share of equal
    decisions (multilabel: of the label that agrees least), None for regression. `snr_db` is that of the worst
    column, at most 200; None where the outputs are `identical`, and otherwise where it is minus infinity: a
    column that does not vary in the original differs in the artefact. `differences` are artefact minus
    original, with the names of `Figures`; empty without targets. `flips` names at most the first 200 of
    `flip_count`.
    """

    output: str
    kind: Kind
    n: int
    labelled: bool
    largest_difference: float
    largest_difference_case: str
    mean_difference: float
    """Mean absolute difference."""
    identical: bool
    snr_db: float | None
    decisions: Figure | None
    differences: tuple[Figure, ...]
    flip_count: int
    flips: tuple[Flip, ...]
    distinct_original: int
    distinct_artefact: int
    notes: tuple[str, ...] = ()

    def difference(self, name: str, label: str | None = None) -> Figure | None:
        """The difference of that name (and label); the first of the name without a label."""
        return _find(self.differences, name, label)


class SpeedRatio(Record):
    """Candidate's median latency over the baseline's, the median of several launches; below 1 is faster.

    In each launch both took turns in one process. `low` and `high` bound 95 % of the bootstrap, which draws
    launches first and rounds inside them; None where there are fewer than 2 rounds. `rounds` counts those of
    all launches. The latencies in ms are medians over all rounds, so their quotient may differ from `ratio`.
    """

    ratio: float
    low: float | None
    high: float | None
    rounds: int
    baseline_ms: float
    candidate_ms: float

    @property
    def faster(self) -> bool:
        """Faster than the baseline beyond noise: the whole interval lies below 1."""
        return self.high is not None and self.high < 1.0


class Latency(Record):
    """Time for one call in ms. A percentile is None where `n` is too small to claim it."""

    n: int
    mean_ms: float
    p50_ms: float
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def _find(items: tuple[Figure, ...], name: str, label: str | None) -> Figure | None:
    return next((item for item in items if item.name == name and label in (None, item.label)), None)
