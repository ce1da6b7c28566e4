"""`edgemed compile`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgemed.cli.outcome import nothing_kept, print_outcome
from edgemed.cli.progress import ProgressBar
from edgemed.errors import EXIT_DONE, EXIT_NOT_PROVEN, BadInput

if TYPE_CHECKING:
    from edgemed.types import Precision, PruneSpec, Recipe

DEFAULT_OUT = "edgemed-out"


@click.command(
    name="compile",
    epilog="""\b
Examples:
  edgemed compile recipe.toml -o out
  edgemed compile -m model.onnx --calibrate set.npz::rows=:300 \\
      --select set.npz::rows=300:700 --accept set.npz::rows=700: -o out
  edgemed compile recipe.toml --precision int8 --precision fp32 --dry-run
  edgemed compile recipe.toml --target raspberry-pi-5 --prune 0.5 --budget 10""",
)
@click.argument("recipe_path", metavar="[RECIPE]", required=False, type=click.Path(path_type=Path))
@click.option("-m", "--model", help="model.onnx, model.pt2 or file.py:factory.")
@click.option("-w", "--weights", help="Weights of a factory: .safetensors, or .pt of a state_dict.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=DEFAULT_OUT, show_default=True)
@click.option(
    "--target", metavar="NAME",
    help="Of `edgemed targets`, or a .toml of your own.  [default: the recipe's, or host]",
)  # fmt: skip
@click.option(
    "--targets-path", "targets", multiple=True, metavar="DIR", type=click.Path(path_type=Path),
    help="A folder with targets of your own (repeat for more).",
)  # fmt: skip
@click.option(
    "--precision", "precisions", multiple=True, type=click.Choice(["fp32", "fp16", "bf16", "int8"]),
    help="Try only this precision (repeat for more).",
)  # fmt: skip
@click.option(
    "--prune", metavar="RATIO", type=float, help="Remove this share of each layer's channels, such as 0.5."
)
@click.option(
    "--budget", metavar="MINUTES", type=float,
    help="The most that a pruned model's recovery may take; 0 recovers nothing.  [default: 10]",
)  # fmt: skip
@click.option("--calibrate", metavar="SET", help="Samples that int8 scales are found on (no labels needed).")
@click.option("--select", metavar="SET", help="Labelled cases that choices are made on.")
@click.option("--accept", metavar="SET", help="Labelled cases that the verdict comes from.")
@click.option(
    "--no-gate", is_flag=True, help="Keep what is not proven not worse than the original, stamped so."
)
@click.option("--skip-bad", is_flag=True, default=None, help="Count unreadable samples and go on.")
@click.option(
    "--decisions", "decisions_path", metavar="FILE", type=click.Path(path_type=Path),
    help="An earlier compile's decisions.json: choose as it chose, not by today's times, for the same bytes.",
)  # fmt: skip
@click.option("--with-images", is_flag=True, help="Put pictures of flipped cases into report.html.")
@click.option(
    "--dry-run", is_flag=True, help="Check recipe, model and one sample of each set, print the plan and stop."
)
@click.option("--json", "as_json", is_flag=True, help="Print report.json (or the plan) to standard output.")
def compile_(
    recipe_path: Path | None,
    model: str | None,
    weights: str | None,
    out: Path,
    target: str | None,
    targets: tuple[Path, ...],
    prune: float | None,
    budget: float | None,
    precisions: tuple[Precision, ...],
    calibrate: str | None,
    select: str | None,
    accept: str | None,
    no_gate: bool,
    skip_bad: bool | None,
    decisions_path: Path | None,
    with_images: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Prune, quantise, compile, judge and measure a trained model; keep the fastest that is proven not worse.

    From a RECIPE (see calibration/README.md; `edgemed init` writes one), from flags, or from a recipe with
    flags that override it. A SET is PATH or PATH::key=value,... such as data.npz::x=images,y=labels.

    Writes artefacts/, report.html and report.json under --out. Stages are cached there: after a change or an
    interruption only what is missing is done again.
    """
    from edgemed.child import run_in_child
    from edgemed.cli.tools import require_tools
    from edgemed.stages.data import check_paths
    from edgemed.stages.decisions import check_recipe_of, read_decisions
    from edgemed.stages.inputs import check_fit
    from edgemed.stages.job import Job
    from edgemed.stages.plan import make_plan
    from edgemed.stages.shelf import check_shelf
    from edgemed.stages.step_files import with_digests

    recipe, base = _recipe(recipe_path, model, weights)
    flags = {"calibrate": calibrate, "select": select, "accept": accept}
    own = [role for role, ref in flags.items() if not ref and getattr(recipe.data, role)]
    data = replace(
        recipe.data,
        calibrate=_from(base, calibrate) or recipe.data.calibrate,
        select=_from(base, select) or recipe.data.select,
        accept=_from(base, accept) or recipe.data.accept,
        skip_bad=skip_bad or recipe.data.skip_bad,
    )
    recipe = replace(
        recipe,
        data=data,
        target=(_from(base, target) if (target or "").endswith(".toml") else target) or recipe.target,
        precisions=precisions or recipe.precisions,
        prune=_pruning(recipe.prune, prune, budget),
        judge=replace(recipe.judge, gate=recipe.judge.gate and not no_gate),
    )
    require_tools()
    decisions = None if decisions_path is None else read_decisions(decisions_path)
    if dry_run:
        with _located(recipe_path, own):
            check_paths(recipe, base)
            check_recipe_of(decisions, with_digests(recipe, base))
            plan, _, _ = make_plan(recipe, base, targets)
            check_shelf(out.resolve(), out)
            run_in_child(check_fit, recipe, base, what="reading the model and the first samples")
        click.echo(
            plan.to_json() if as_json else "\n".join(f"{i}. {line}" for i, line in enumerate(plan.lines, 1))
        )
        return
    from edgemed.pipeline import compile_model

    with _located(recipe_path, own), ProgressBar(quiet=as_json) as bar:
        job = Job(recipe, base, out, bar, targets=targets, decisions=decisions)
        result = compile_model(job, _command(), with_images=with_images)
    if as_json:
        click.echo(result.to_json())
        if not result.kept:
            click.echo(nothing_kept(result), err=True)
    else:
        print_outcome(result, out)
    raise SystemExit(EXIT_DONE if result.kept else EXIT_NOT_PROVEN)


def _recipe(path: Path | None, model: str | None, weights: str | None) -> tuple[Recipe, Path]:
    from edgemed.recipe_file import read_recipe
    from edgemed.types import ModelSpec, Recipe

    if path is not None:
        recipe = read_recipe(path)
        base = path.parent
        if model is not None:
            recipe = replace(recipe, model=ModelSpec(_from(base, model) or "", _from(base, weights)))
        elif weights is not None:
            recipe = replace(recipe, model=replace(recipe.model, weights=_from(base, weights)))
        return recipe, base
    if model is None:
        raise BadInput(
            "neither a recipe nor a model is given",
            where="edgemed compile",
            remedy="edgemed compile recipe.toml, or edgemed compile -m model.onnx --calibrate SET",
        )
    name = Path(model.partition(":")[0]).stem
    return Recipe(ModelSpec(model, weights), name=name), Path()


def _pruning(spec: PruneSpec, ratio: float | None, budget: float | None) -> PruneSpec:
    """What the command line says instead of the recipe. Raises `BadInput` for a budget of nothing."""
    try:
        spec = spec if ratio is None else replace(spec, ratio=ratio)
        if budget is not None and not spec.wanted:
            raise BadInput("nothing is pruned", where="--budget", remedy="add --prune 0.5, or leave it out")
        return spec if budget is None else replace(spec, budget_min=budget)
    except BadInput as error:
        flags = {"prune.ratio": "--prune", "prune.budget_min": "--budget"}
        error.where = flags.get(error.where, error.where)
        raise


@contextmanager
def _located(recipe_path: Path | None, own: list[str]) -> Iterator[None]:
    """Errors in the sets `own` are in the recipe, not in options that were not given."""
    try:
        yield
    except BadInput as error:
        where = error.where
        for role in own:
            where = where.replace(f"--{role}", f"data.{role}")
        if where != error.where:
            error.where = f"{where} in {recipe_path}"
        raise


def _from(base: Path, given: str | None) -> str | None:
    """A path of the command line as seen from the recipe's folder."""
    from edgemed.recipe_file import from_folder

    return given if given is None or base == Path() else from_folder(given, base)


def _command() -> str:
    return shlex.join(["edgemed", *sys.argv[1:]])
