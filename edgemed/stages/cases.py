"""The acceptance set case by case, as a table for a spreadsheet or another program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.disk import disk_failure, write_whole
from edgemed.judge.scores import as_scores, as_targets, decide, names_of_classes, names_of_columns
from edgemed.stages.acceptance import Acceptance
from edgemed.stages.job import Job
from edgemed.types import OutputSpec

CASES_FILE = "cases.csv"
_HEAD = (
    "artefact", "output", "label", "case", "group", "target", "original_score", "artefact_score",
    "original_decision", "artefact_decision", "flipped",
)  # fmt: skip


def list_cases(job: Job, outputs: Sequence[OutputSpec], verified: Acceptance) -> None:
    """Every acceptance case with the original's answers and those of all that were tried, where any were."""
    if verified.answers:
        own = verified.answers["original"]
        tried = {name: each.outputs for name, each in verified.answers.items() if name != "original"}
        write_cases(job.out / CASES_FILE, outputs, own.names, own.outputs, tried, own.targets, own.groups)


def write_cases(
    path: Path,
    outputs: Sequence[OutputSpec],
    names: Sequence[str],
    original: Mapping[str, NDArray[Any]],
    answers: Mapping[str, Mapping[str, NDArray[Any]]],
    targets: Mapping[str, NDArray[Any]],
    groups: Sequence[str | None] | None = None,
) -> None:
    """Write the CSV file `path`, whole or not at all.

    `original` and each of `answers` (by artefact) hold (n, columns) per output, of the cases `names`; targets
    are those of `Sample.targets`, stacked. A row for each artefact, output, label and case. `label` is the
    label, the column of a regression, or the class: of several classes a case has a row for each, with its
    probability, and the same decisions in all of them. Scores are probabilities (values of a regression,
    which has no decisions) with 9 digits, so a float32 comes back as it was. `flipped` is 0 or 1.

    It names cases, like the reports. Raises `BadInput` where arrays do not fit, `ToolFailure` where the file
    cannot be written.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_HEAD)
    belongs = ["" if group is None else group for group in groups or [None] * len(names)]
    for artefact, answered in answers.items():
        for spec in outputs:
            wanted = targets.get(spec.name)
            for label, rows in _questions(spec, original[spec.name], answered[spec.name], wanted):
                writer.writerows(
                    (artefact, spec.name, label, case, group, *row)
                    for case, group, row in zip(names, belongs, rows, strict=True)
                )
    try:
        write_whole(path, file.getvalue())
    except OSError as error:
        raise disk_failure(error, path) from None


def _questions(
    spec: OutputSpec, original: NDArray[Any], artefact: NDArray[Any], targets: NDArray[Any] | None
) -> Iterator[tuple[str, Iterator[tuple[str, ...]]]]:
    """(label, a row for each case) of each column."""
    before, after = as_scores(spec, original), as_scores(spec, artefact)
    wanted = None if targets is None else as_targets(spec, targets, len(before)).reshape(len(before), -1)
    labels = _labels(spec)
    decided = None if spec.kind == "regression" else (decide(spec, before), decide(spec, after))
    for column, label in enumerate(labels):
        asked = 0 if spec.kind == "multiclass" else column
        yield label, zip(
            _names(spec, None if wanted is None else wanted[:, asked], len(before)),
            map(_score, before[:, column]),
            map(_score, after[:, column]),
            *_decisions(spec, decided, asked, len(before)),
            strict=True,
        )  # fmt: skip


def _labels(spec: OutputSpec) -> tuple[str, ...]:
    if spec.kind == "binary":
        return ("",)
    return names_of_classes(spec) if spec.kind == "multiclass" else names_of_columns(spec)


def _decisions(
    spec: OutputSpec, decided: tuple[NDArray[np.int64], NDArray[np.int64]] | None, column: int, cases: int
) -> tuple[list[str], list[str], list[str]]:
    """What the original and the artefact decided, and whether that differs."""
    if decided is None:
        return [""] * cases, [""] * cases, [""] * cases
    old, new = (each[:, column] for each in decided)
    return _names(spec, old, cases), _names(spec, new, cases), [str(int(flip)) for flip in old != new]


def _names(spec: OutputSpec, values: NDArray[Any] | None, cases: int) -> list[str]:
    """Names of classes; of a regression the values."""
    if values is None:
        return [""] * cases
    if spec.kind == "regression":
        return [_score(value) for value in values]
    names = names_of_classes(spec)
    return [names[int(value)] for value in values]


def _score(value: float) -> str:
    return f"{value:.9g}"
