"""What a stress test found, in words: for the report and the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from edgemed.report.axis import tick_text
from edgemed.report.numerals import MINUS, mark, measured, significant
from edgemed.types.stress import WORTH, AxisName, LargestLoss, Metric, Stress, Stressed

METRICS: dict[Metric, str] = {"auc": "AUC", "r2": "R²"}


@dataclass(frozen=True)
class AxisWords:
    """`of` and a value name a point: `SNR 30`. `steep`: factors, not differences, are far apart alike."""

    title: str
    of: str
    percent: bool = True
    steep: bool = False

    def value(self, value: float) -> str:
        return tick_text(round(value, 9), percent=self.percent)

    def point(self, value: float) -> str:
        return f"{self.of} {self.value(value)}"


AXES: dict[AxisName, AxisWords] = {
    "snr": AxisWords("SNR per complex sample", "SNR", percent=False, steep=True),
    "samples": AxisWords("Samples omitted at random", "samples omitted"),
    "echoes": AxisWords("Echoes omitted at random", "echoes omitted"),
    "block": AxisWords("Echoes omitted in one block", "block of echoes omitted"),
    "relaxation": AxisWords("Spread of relaxation times between heads", "relaxation spread"),
    "gain": AxisWords("Gain error, factor of the signal", "gain", percent=False, steep=True),
    "b1": AxisWords("B1 error of every flip angle", "B1 error"),
}


def answer(stress: Stress) -> list[str]:
    """Whether compression costs robustness here: a sentence for each metric that was asked for."""
    found = {each.metric: each for each in stress.largest}
    return [
        _largest(found[metric])
        if metric in found
        else f"The original reaches {METRICS[metric]} {WORTH[metric]:g} at no point: there is none to lose."
        for metric in METRICS
        if metric in stress.limits
    ]


def notes(stress: Stress) -> list[str]:
    """What was noted, and where points were left out of `answer` since the original does too badly there."""
    shown = [
        f"{METRICS[each.metric]} {WORTH[each.metric]:g}"
        for each in stress.largest
        if any(
            figure.metric == each.metric and figure.original < WORTH[each.metric]
            for axis in stress.axes
            for point in axis.points
            for figure in point.figures
        )
    ]
    left_out = f"Points where the original is below {' or '.join(shown)} do not count for the largest loss."
    return [*stress.notes, *([left_out] if shown else [])]


def _largest(each: LargestLoss) -> str:
    name = METRICS[each.metric]
    told = "beyond" if each.exceeded else "within"
    if each.loss <= 0:
        return f"{name}: nothing is lost where the original reaches {WORTH[each.metric]:g}."
    interval = f" ({between(each)})" if between(each) else ""
    return (
        f"Largest loss of {name}: {significant(each.loss, 2)}{interval}, {told} the limit of {each.limit:g}; "
        f"{each.artefact}, head {each.head}, at {AXES[each.axis].point(each.value)} "
        f"(original {mark(each.original)})."
    )


def lost(loss: float) -> str:
    """`0.0012`, below 0 where the artefact reaches more than the original; `0` alone is none at all."""
    return f"{round(loss, 4) + 0.0:.4f}".replace("-", MINUS) if loss else "0"


def between(each: Stressed | LargestLoss) -> str:
    """The interval of a loss, "" where there is none."""
    return "" if each.low is None or each.high is None else f"{lost(each.low)} to {lost(each.high)}"


def reached(metric: Metric, value: float) -> str:
    return measured(metric, value)
