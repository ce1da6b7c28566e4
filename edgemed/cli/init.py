"""`edgemed init`."""

from __future__ import annotations

from pathlib import Path

import click

from edgemed.errors import BadInput


@click.command(
    epilog="""\b
Examples:
  edgemed init -m model.onnx --calibrate data.npz::x=images
  edgemed init -m net.py:build -w net.safetensors --calibrate cal/ \\
      --select val/ --accept test/"""
)
@click.option("-m", "--model", required=True, help="model.onnx, model.pt2 or file.py:factory.")
@click.option("-w", "--weights", help="Weights of a factory.")
@click.option("--calibrate", metavar="SET", help="Samples for int8 scales; read to find shapes.")
@click.option("--select", metavar="SET", help="Labelled cases that choices are made on.")
@click.option("--accept", metavar="SET", help="Labelled cases that the verdict comes from.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default="recipe.toml", show_default=True)
@click.option("--force", is_flag=True, help="Overwrite the recipe.")
def init(
    model: str,
    weights: str | None,
    calibrate: str | None,
    select: str | None,
    accept: str | None,
    out: Path,
    force: bool,
) -> None:
    """Write a commented recipe from a model and its data."""
    from edgemed.child import run_in_child
    from edgemed.disk import write_whole
    from edgemed.mr.trained_folder import recipe_beside
    from edgemed.stages.inspection import inspect_model
    from edgemed.stages.recipe_draft import draft_recipe
    from edgemed.types import DataSpec, ModelSpec

    if out.is_dir() or not out.parent.is_dir():
        problem = f"{out} is a folder" if out.is_dir() else f"there is no folder {out.parent}"
        raise BadInput(problem, where="--out", remedy="give the path of a file in a folder that is there")
    if out.exists() and not force:
        raise BadInput(f"{out} exists", where="--out", remedy="give another --out, or --force")
    if (trained := recipe_beside(Path(model))) is not None:
        raise BadInput(
            f"{trained} was written with this network, and has the steps and whitening it was trained behind",
            where="--model",
            remedy=f"edgemed compile {trained} --calibrate SET --select SET --accept SET",
        )
    spec = ModelSpec(model, weights)
    facts = run_in_child(inspect_model, spec, what=f"reading {model}").value
    text = draft_recipe(spec, DataSpec(calibrate, select, accept), facts, out.parent)
    write_whole(out, text)
    click.echo(f"wrote {out}\nnext: look it over, then  edgemed compile {out} --dry-run")
