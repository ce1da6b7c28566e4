"""`edgemed mr simulate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgemed.cli.mr_task import task_of
from edgemed.cli.progress import ProgressBar
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.mr.signal_sets import Form

SETS = {"train": 1000, "validate": 300, "calibrate": 300, "select": 500, "accept": 1000}


@click.command(
    epilog="""\b
Examples:
  edgemed mr simulate imrd-easy -o signals
  edgemed mr simulate imrd-easy --clean train --clean validate -o signals
  edgemed mr simulate imrd-honest --snr 3000 --set train=4000 --set accept=1000 -o signals
  edgemed mr simulate imrd-honest --protocol A --format mrd --set accept=20 -o scans
  edgemed mr simulate imrd-honest --dry-run --json > mine.json"""
)
@click.argument("task_name", metavar="TASK")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("signals"), show_default=True)
@click.option(
    "--set", "sets", multiple=True, metavar="NAME=N",
    help="A set of N heads (repeat for more).  [default: train=1000, validate=300, calibrate=300, "
    "select=500, accept=1000]",
)  # fmt: skip
@click.option(
    "--clean", multiple=True, metavar="NAME",
    help="Write this set without noise, for `edgemed mr train --snr`, which draws it anew (repeat for more).",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--snr", type=click.FloatRange(0, min_open=True), help="Per complex sample.  [default: the task's]"
)
@click.option(
    "--protocol", type=click.Choice(["A", "B"]),
    help="A: no gradient. B: projections on x, y and z.  [default: the task's]",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["npz", "mrd"]), default="npz", show_default=True,
    help="One .npz for each set, or MRD files (.h5) with a table.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Tell what would be simulated, and stop.")
@click.option("--force", is_flag=True, help="Write over sets that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {files, simulated}, or the task.")
def simulate(
    task_name: str,
    out: Path,
    sets: tuple[str, ...],
    clean: tuple[str, ...],
    seed: int,
    snr: float | None,
    protocol: str | None,
    form: Form,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write SIMULATED raw MR signals of heads with and without MS lesions, as sets that a recipe can name.

    TASK is imrd-easy (one anatomy, fixed relaxation, a perfect scanner, clean controls), imrd-honest (unseen
    anatomies and all that differs between heads and scanners), or the path of a .json file as --dry-run
    --json prints it, with settings of your own. No two sets share a head. The same seed gives the same files.
    """
    from edgemed.mr.signal_sets import Plan, write_sets
    from edgemed.types import did_you_mean

    task = task_of(task_name, protocol, snr)
    counts = _counts(sets) if sets else SETS
    for name in clean:
        if name not in counts:
            raise BadInput(f"no set is named {name!r}", where="--clean", remedy=did_you_mean(name, counts))
    plan = Plan(task, counts, seed, form, frozenset(clean))
    if (there := plan.there(out)) and not force:
        raise BadInput(f"{there[0]} exists", where="--out", remedy="give another --out, or --force")
    if dry_run:
        told = [
            task.describe(),
            *(
                f"{name}: {count} heads" + " without noise" * (name in clean)
                for name, count in counts.items()
            ),
        ]
        click.echo(task.to_json() if as_json else "\n".join(told), nl=not as_json)
        return
    with ProgressBar(quiet=as_json) as bar:

        def progress(name: str, done: int, of: int) -> None:
            if done <= of:
                bar.stage(name, f"simulating {name}")
            bar.progress(done, of)

        files = write_sets(plan, out, progress)
    if as_json:
        click.echo(json.dumps({"files": [str(file) for file in files], "simulated": task.describe()}))
        return
    click.echo(task.describe())
    for file in files:
        click.echo(f"made {file}")


def _counts(sets: tuple[str, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in sets:
        name, _, number = each.partition("=")
        if not (name.isidentifier() and number.isdecimal() and int(number) > 0) or name in counts:
            raise BadInput(
                f"{each!r} is no set of its own",
                where="--set",
                remedy="write NAME=N, such as --set accept=500",
            )
        counts[name] = int(number)
    return counts
