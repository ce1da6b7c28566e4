"""The check that an acceptance set is large enough for a proof, before anything slow is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgemed.errors import BadInput
from edgemed.judge.scores import names_of_classes, names_of_columns
from edgemed.judge.tango import fewest_cases
from edgemed.judge.unseen import fewest_units
from edgemed.types import JudgeSpec, OutputSpec


def check_provable(output: OutputSpec, counts: Mapping[str, int], cases: int, spec: JudgeSpec) -> None:
    """Raises `BadInput` where nothing could be proven even if no answer changes.

    `counts` are those of `class_counts`, of `cases` cases. It tells every figure that has too few. Regression
    has no such bound: what an answer can be off by is not known before.
    """
    if not spec.gate or output.kind == "regression":
        return
    short = [
        f"{name}: {have} {kind}, at least {needed} (margin {margin:g})"
        for name, have, kind, margin, needed in _needs(output, counts, cases, spec)
        if have < needed
    ]
    if short:
        raise BadInput(
            "the acceptance set is too small for a proof even where no answer changes: " + "; ".join(short),
            where=f"--accept, output {output.name}",
            remedy="give more cases (edgemed power tells how many), wider margins in [judge.margins], or "
            "--no-gate to compile without a proof",
        )


def _needs(
    output: OutputSpec, counts: Mapping[str, int], cases: int, spec: JudgeSpec
) -> Iterator[tuple[str, int, str, float, int]]:
    margins, alpha = spec.margins_of(output.name), spec.alpha
    for label, positive in _positives(output, counts).items():
        told = f" of {label}" if label else ""
        negative = cases - positive
        if margins.sensitivity is not None:
            yield (
                f"sensitivity{told}", positive, "positive cases", margins.sensitivity,
                fewest_cases(margins.sensitivity, alpha),
            )  # fmt: skip
        if margins.specificity is not None:
            yield (
                f"specificity{told}", negative, "negative cases", margins.specificity,
                fewest_cases(margins.specificity, alpha),
            )  # fmt: skip
        if margins.auc is not None:
            kind = "positive cases" if positive <= negative else "negative cases"
            needed = fewest_units(margins.auc, alpha)
            yield f"AUC{told}", min(positive, negative), kind, margins.auc, needed
    if margins.brier is not None:
        yield "Brier score", cases, "cases", margins.brier, fewest_units(margins.brier, alpha)
    if margins.accuracy is not None:
        yield "accuracy", cases, "cases", margins.accuracy, fewest_cases(margins.accuracy, alpha)


def _positives(output: OutputSpec, counts: Mapping[str, int]) -> dict[str, int]:
    """Number of positive cases of each question, by label."""
    if output.kind == "binary":
        return {"": counts.get(names_of_classes(output)[1], 0)}
    names = names_of_classes(output) if output.kind == "multiclass" else names_of_columns(output)
    return {name: counts.get(name, 0) for name in names}
