"""Margins of single outputs: whether they are of an output that there is, and of a metric that it has."""

from __future__ import annotations

from collections.abc import Sequence

from edgemed.errors import BadInput
from edgemed.types import JudgeSpec, OutputSpec, did_you_mean

OF_CLASSES = ("auc", "sensitivity", "specificity", "accuracy", "brier", "log_loss")
OF_VALUES = ("bias", "mae", "r2")


def metrics_of(output: OutputSpec) -> tuple[str, ...]:
    """Those that a margin can hold this kind of output to."""
    return OF_VALUES if output.kind == "regression" else OF_CLASSES


def check_margins(outputs: Sequence[OutputSpec], spec: JudgeSpec) -> None:
    """Raises `BadInput` for margins in `spec.outputs` of no output, or of a metric that its kind lacks."""
    known = {output.name: output for output in outputs}
    for name, margins in spec.outputs.items():
        if name not in known:
            raise BadInput(
                f"the model has no output {name!r}",
                where=f"judge.outputs.{name}",
                remedy=did_you_mean(name, known),
            )
        metrics = metrics_of(known[name])
        for metric in margins:
            if metric not in metrics:
                raise BadInput(
                    f"{metric} is no metric of a {known[name].kind} output",
                    where=f"judge.outputs.{name}.{metric}",
                    remedy=f"its metrics are {', '.join(metrics)}",
                )
