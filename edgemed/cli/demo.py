"""`edgemed demo`."""

from __future__ import annotations

import json
import shlex
import textwrap
from pathlib import Path

import click

from edgemed.cli.outcome import nothing_kept, print_outcome
from edgemed.cli.progress import ProgressBar
from edgemed.errors import EXIT_DONE, EXIT_NOT_PROVEN, BadInput


@click.command(
    epilog="""\b
Examples:
  edgemed demo
  edgemed demo chest-xray --data pneumoniamnist.npz -o xray"""
)
@click.argument("name", type=click.Choice(["imageless-mr", "chest-xray"]), default="imageless-mr")
@click.option(
    "--data", type=click.Path(path_type=Path), help="pneumoniamnist.npz (MedMNIST v2), for chest-xray."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), default="demo-out", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--json", "as_json", is_flag=True, help='Print JSON: {"lines": [...], "report": what report.json holds}.'
)
def demo(name: str, data: Path | None, out: Path, seed: int, as_json: bool) -> None:
    """Train a small model, compile it, and show the result.

    imageless-mr: simulated whole-head raw MR signals and a 1D-CNN that finds simulated lesions without any
    image. chest-xray: real paediatric chest X-rays (give --data). Both stay on this machine.
    """
    from edgemed.cli.tools import require_tools
    from edgemed.pipeline import compile_model
    from edgemed.recipe_file import read_recipe
    from edgemed.stages.job import Job

    if name == "chest-xray" and data is None:
        raise BadInput(
            "the chest X-ray demo needs its data", where="--data", remedy="--data PATH/pneumoniamnist.npz"
        )
    if name != "chest-xray" and data is not None:
        raise BadInput(
            f"{name} simulates its data", where="--data", remedy="edgemed demo chest-xray --data PATH"
        )
    require_tools()
    work = out / "model"
    work.mkdir(parents=True, exist_ok=True)
    with ProgressBar(quiet=as_json) as bar:

        def progress(what: str, share: float) -> None:
            bar.stage("prepare", what)
            bar.progress(round(share * 100), 100)

        if name == "chest-xray" and data is not None:
            from edgemed.demo import chest_xray

            prepared = chest_xray.prepare(work, data=data, seed=seed, progress=progress)
        else:
            from edgemed.demo import imageless_mr

            prepared = imageless_mr.prepare(work, seed=seed, progress=progress)
        job = Job(read_recipe(prepared.recipe), prepared.recipe.parent, out / "compiled", bar)
        command = shlex.join(["edgemed", "compile", str(prepared.recipe), "-o", str(out / "compiled")])
        result = compile_model(job, command)
    if as_json:
        click.echo(json.dumps({"lines": prepared.lines, "report": result.to_dict()}))
        if not result.kept:
            click.echo(nothing_kept(result), err=True)
    else:
        for line in prepared.lines:
            click.echo(textwrap.fill(line, 80))
        click.echo()
        print_outcome(result, out / "compiled", prepared.case)
        click.echo(f"recipe     {prepared.recipe}")
        click.echo(f"repeat     {command}")
    raise SystemExit(EXIT_DONE if result.kept else EXIT_NOT_PROVEN)
