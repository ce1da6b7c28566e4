"""Answers of every built candidate on the selection set, compared with the original's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgemed.errors import BadInput
from edgemed.judge import agreement, figures
from edgemed.measure import Predictions
from edgemed.runtime import GOLDEN_FILE
from edgemed.stages.artefacts import ORIGINAL, Built
from edgemed.stages.job import Job, SetSource
from edgemed.stages.trials import of_each, predictions
from edgemed.types import AgreementFigures, Figures, OutputSpec
from edgemed.types.compilation import ComparedOn, Role


def compared_set(sets: Mapping[Role, SetSource]) -> tuple[ComparedOn, SetSource | None]:
    """What candidates are compared on: the selection set, else the calibration set, else the golden cases."""
    if "select" in sets:
        return "select", sets["select"]
    if "calibrate" in sets:
        return "calibrate", sets["calibrate"]
    return "golden", None


def selection_predictions(
    job: Job, built: Mapping[str, Built], role: ComparedOn, source: SetSource | None
) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Answers by candidate id, and why others gave none. Without a `source` the golden cases are compared.

    See `of_each` for what fails.
    """

    def answers(each: Built) -> Predictions:
        return _golden(each) if source is None else predictions(job, each, role, source)

    return of_each(job, built.values(), f"failed on the {role} set", answers)


def compare_with_original(
    outputs: Sequence[OutputSpec], answers: Mapping[str, Predictions]
) -> tuple[dict[str, tuple[AgreementFigures, ...]], dict[str, str]]:
    """Agreement of each candidate with the original, one per output, and why others have none."""
    found: dict[str, tuple[AgreementFigures, ...]] = {}
    failures: dict[str, str] = {}
    for name, each in answers.items():
        try:
            found[name] = compare(outputs, answers[ORIGINAL.id], each)
        except BadInput as error:
            failures[name] = f"{error.where}: {error.problem}"
    return found, failures


def compare(
    outputs: Sequence[OutputSpec], original: Predictions, artefact: Predictions
) -> tuple[AgreementFigures, ...]:
    """How near an artefact is to its original on the same cases, one per output.

    Raises `BadInput` where the artefact answers with what is no probability; the original was looked at.
    """
    return tuple(
        agreement(
            spec,
            original.outputs[spec.name],
            artefact.outputs[spec.name],
            original.targets.get(spec.name),
            original.names,
        )
        for spec in outputs
    )


def figures_of(outputs: Sequence[OutputSpec], answers: Predictions) -> tuple[Figures, ...]:
    """How well a model does on cases, one per output; without items where an output has no labels."""
    return tuple(
        figures(spec, answers.outputs[spec.name], answers.targets.get(spec.name)) for spec in outputs
    )


def _golden(built: Built) -> Predictions:
    with np.load(built.folder / GOLDEN_FILE, allow_pickle=False) as golden:
        outputs = {key[4:]: golden[key] for key in golden.files if key.startswith("out.")}
    cases = len(next(iter(outputs.values())))
    return Predictions(tuple(f"golden[{index}]" for index in range(cases)), outputs, {})
