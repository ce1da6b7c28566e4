"""One file to one answer, as `edgemed run` and `edgemed-device run` give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgemed.errors import BadInput
from edgemed.readers import Notes
from edgemed.readers.resize import FILTER
from edgemed.runtime import Session
from edgemed.runtime.file_inputs import inputs_of
from edgemed.types import OutputSpec, Record


class Answered(Record):
    """`model` is name and version; `outputs` by head: values or probabilities, the decision, and both in
    words (`text`). `notes` tell what a reader did to the file."""

    model: str
    artefact: str
    stamps: tuple[str, ...]
    file: str
    notes: tuple[str, ...]
    outputs: dict[str, Any]


def answer(artefact: Path, file: Path, *, unsigned: bool) -> Answered:
    """Raises what `Session.load`, `read_file` and `Session.predict` raise."""
    if file.suffix == ".edgemed" and artefact.suffix != ".edgemed":
        raise BadInput("it is a bundle", where=str(file), remedy="give the artefact first, and then the file")
    session = Session.load(artefact, unsigned=unsigned)
    manifest, told = session.manifest, Notes()
    inputs, acquisition = inputs_of(file, manifest, told)
    outputs = session.predict(inputs, acquisition=acquisition)
    sizes = (
        f"input {each.name}: {each.example} was brought to {each.size} by {FILTER}" for each in told.resizings
    )
    return Answered(
        model=f"{manifest.name} {manifest.version}",
        artefact=f"{manifest.backend}-{manifest.precision}{'-pruned' if manifest.pruned else ''}",
        stamps=manifest.stamps,
        file=str(file),
        notes=(*told.sentences, *sizes),
        outputs={spec.name: in_words(spec, outputs[spec.name].tolist()) for spec in manifest.outputs},
    )


def in_words(spec: OutputSpec, values: list[float]) -> dict[str, object]:
    """The (columns,) values of a head with its decision, as numbers and as `text`."""
    if spec.kind == "regression":
        text = ", ".join(f"{value:.6g}" for value in values)
        return {"values": values, "unit": spec.unit, "text": f"{text} {spec.unit}".strip()}
    if spec.kind == "multilabel":
        labels = spec.labels or tuple(map(str, range(spec.columns)))
        found = [label for label, value in zip(labels, values, strict=True) if value >= spec.threshold]
        return {"probabilities": values, "decision": found, "text": ", ".join(found) or "none"}
    if spec.kind == "binary":
        labels = spec.labels or ("negative", "positive")
        index = int(values[-1] >= spec.threshold)
        shown = f"probability of {labels[1]} {values[-1]:.6g}, threshold {spec.threshold:g}"
    else:
        labels = spec.labels or tuple(map(str, range(spec.columns)))
        index = max(range(len(values)), key=values.__getitem__)
        shown = f"probability {values[index]:.6g}"
    return {"probabilities": values, "decision": labels[index], "text": f"{labels[index]} ({shown})"}
