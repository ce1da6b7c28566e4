"""`edgemed run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgemed.cli.located import chosen_artefact

if TYPE_CHECKING:
    from edgemed.types import OutputSpec, Resized


@click.command(
    epilog="""\b
Examples:
  edgemed run out chest.png
  edgemed run chest-xray-1.2.0.edgemed chest.png
  edgemed run out/artefacts/openvino-int8 volume.nii.gz --json"""
)
@click.argument("artefact", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: {model, artefact, stamps, file, notes, outputs: {NAME: {decision, ...}}}.",
)  # fmt: skip
def run(artefact: Path, file: Path, as_json: bool) -> None:
    """Predict one FILE (PNG, JPEG, TIFF, DICOM, NIfTI, NPY, NPZ, raw MR) with an ARTEFACT.

    ARTEFACT is an artefact folder, a bundle that this machine trusts, or the output folder of a compile. Of
    several artefacts the fastest is used that edgemed-device tune found on this machine (tuned.json), else
    the compile's own choice. The artefact is checked against its manifest and its golden cases are replayed
    first.
    """
    from edgemed.readers import Notes, read_file
    from edgemed.runtime import Session

    folder, chooser = (artefact, "") if artefact.is_file() else chosen_artefact(artefact)
    session = Session.load(folder)
    manifest = session.manifest
    told = Notes()
    inputs = read_file(file, manifest.inputs, told)
    acquisition = next((spec.acquisition for spec in manifest.inputs if spec.acquisition), None)
    outputs = session.predict(inputs, acquisition=acquisition)
    if chooser:
        click.echo(f"artefact: {folder.name}, chosen by {chooser}", err=True)
    notes = [*told.sentences, *map(_sizes, told.resizings)]
    answers = {spec.name: _answer(spec, outputs[spec.name].tolist()) for spec in manifest.outputs}
    if as_json:
        body = {
            "model": f"{manifest.name} {manifest.version}",
            "artefact": f"{manifest.backend}-{manifest.precision}{'-pruned' if manifest.pruned else ''}",
        }
        facts = {"stamps": manifest.stamps, "file": str(file), "notes": notes, "outputs": answers}
        click.echo(json.dumps({**body, **facts}))
        return
    for name, answer in answers.items():
        click.echo(f"{name}: {answer['text']}")
    for note in notes:
        click.echo(f"note: {note}", err=True)
    for stamp in manifest.stamps:
        click.echo(f"stamp: {stamp}", err=True)


def _sizes(resized: Resized) -> str:
    from edgemed.readers.resize import FILTER

    return f"input {resized.name}: {resized.example} was brought to {resized.size} by {FILTER}"


def _answer(spec: OutputSpec, values: list[float]) -> dict[str, object]:
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
