"""`edgemed run`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgemed.cli.located import chosen_artefact
from edgemed.errors import printable


@click.command(
    epilog="""\b
Examples:
  edgemed run out chest.png
  edgemed run chest-xray-1.2.0.edgemed chest.png
  edgemed run out/artefacts/openvino-int8 volume.nii.gz --json"""
)
@click.argument("artefact", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--unsigned", is_flag=True, help="Take a bundle that nobody trusted signed, and log it.")
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: {model, artefact, stamps, file, notes, outputs: {NAME: {decision, ...}}}.",
)  # fmt: skip
def run(artefact: Path, file: Path, unsigned: bool, as_json: bool) -> None:
    """Predict one FILE (PNG, JPEG, TIFF, DICOM, NIfTI, NPY, NPZ, raw MR) with an ARTEFACT.

    ARTEFACT is an artefact folder, a bundle that this machine trusts, or the output folder of a compile. Of
    several artefacts the fastest is used that edgemed-device tune found on this machine (tuned.json), else
    the compile's own choice. The artefact is checked against its manifest and its golden cases are replayed
    first.
    """
    from edgemed.device.answering import answer

    folder, chooser = (artefact, "") if artefact.is_file() else chosen_artefact(artefact)
    found = answer(folder, file, unsigned=unsigned)
    if chooser:
        click.echo(f"artefact: {folder.name}, chosen by {chooser}", err=True)
    if as_json:
        click.echo(json.dumps(found.to_dict()))
        return
    for name, each in found.outputs.items():
        click.echo(f"{name}: {printable(each['text'])}")
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    for stamp in found.stamps:
        click.echo(f"stamp: {printable(stamp)}", err=True)
