"""`edgemed mr stress`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgemed.cli.judged import Judged
from edgemed.cli.mr_task import task_of
from edgemed.cli.progress import ProgressBar
from edgemed.cli.tables import plain, print_table
from edgemed.errors import EXIT_DONE, EXIT_NOT_PROVEN, BadInput

if TYPE_CHECKING:
    from edgemed.mr.stress import StressPlan
    from edgemed.types.stress import AxisName, Stress

AXES: tuple[AxisName, ...] = ("snr", "samples", "echoes", "block", "relaxation", "gain", "b1")


@click.command(
    epilog="""\b
Examples:
  edgemed mr stress out imrd-easy
  edgemed mr stress out imrd-honest --protocol A --snr 3000 --heads 2000
  edgemed mr stress out mine.json --axis snr --axis block --json
  edgemed mr stress out imrd-easy --label ms --value volume --dry-run

\b
Exit codes: 0 no more is lost than the limits allow, 3 more is, or there was nothing to lose."""
)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("task_name", metavar="TASK")
@click.option(
    "--protocol", type=click.Choice(["A", "B"]),
    help="A: no gradient. B: projections on x, y and z.  [default: the task's]",
)  # fmt: skip
@click.option(
    "--snr", type=click.FloatRange(0, min_open=True),
    help="Of the point that all start from, per complex sample.  [default: the task's]",
)  # fmt: skip
@click.option("--heads", type=click.IntRange(2), default=500, show_default=True, help="Simulated subjects.")
@click.option("--seed", type=click.IntRange(0), default=1000, show_default=True)
@click.option(
    "--axis", "axes", multiple=True, type=click.Choice(AXES),
    help="What changes (repeat for more).  [default: all]",
)  # fmt: skip
@click.option("--label", metavar="HEAD", help="Detects lesions.  [default: lesion, or the only binary head]")
@click.option("--value", metavar="HEAD", help="Gives the lesions' mL.  [default: lesion_ml]")
@click.option(
    "--auc-loss", type=click.FloatRange(0), default=0.005, show_default=True,
    help="The most that an artefact may lose where the original reaches AUC .7.",
)  # fmt: skip
@click.option(
    "--r2-loss", type=click.FloatRange(0), default=0.01, show_default=True,
    help="The same where it reaches R2 .5.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Tell the points and what is simulated for them, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print stress.json; of --dry-run {simulated, ...}.")
def stress(
    out: Path,
    task_name: str,
    protocol: str | None,
    snr: float | None,
    heads: int,
    seed: int,
    axes: tuple[AxisName, ...],
    label: str | None,
    value: str | None,
    auc_loss: float,
    r2_loss: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Does compression cost robustness? Original and artefacts answer SIMULATED signals side by side.

    OUT is the output folder of a compile on raw MR signals, TASK what edgemed mr simulate takes. From it one
    thing changes at a time: SNR, samples and echoes omitted, the spread of relaxation times, gain, B1. What
    the artefact's contract would refuse is answered too, and its share is told. The figures go into
    OUT/stress.json, the curves into OUT/report.html.

    Give another --seed than that of the sets that the model has seen.
    """
    from edgemed.child import run_in_child
    from edgemed.mr.stress import StressPlan, check_input
    from edgemed.mr.stress import stress as stress_test
    from edgemed.mr.stressed_heads import scored_heads
    from edgemed.report import read_stress, write_stress
    from edgemed.stages.judging import lay_out

    judged = Judged.at(out)
    if judged.alone:
        raise BadInput("this is an artefact", where=str(out), remedy=f"give its compile: {judged.out}")
    bench = lay_out(out / "original", judged.artefacts)
    task = task_of(task_name, protocol, snr)
    plan = StressPlan(
        original=bench.original,
        artefacts=judged.artefacts,
        input=check_input(bench.reference, task),
        task=task,
        count=heads,
        seed=seed,
        axes=tuple(name for name in AXES if not axes or name in axes),
        heads=scored_heads(bench.reference.outputs, label, value),
        limits={"auc": auc_loss, "r2": r2_loss},
        command=shlex.join(["edgemed", *sys.argv[1:]]),
    )
    read_stress(out)
    if dry_run:
        _preview(plan, as_json=as_json)
        return
    with ProgressBar(quiet=as_json) as bar:
        bar.stage("stress", f"{len(plan.artefacts) + 1} models answer {heads} simulated heads")
        found = run_in_child(stress_test, plan, what="the stress test", on_progress=bar.progress).value
    write_stress(found, judged.result, out)
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        _print(found)
        click.echo(f"curves     {out / 'report.html'}")
    raise SystemExit(EXIT_DONE if found.held else EXIT_NOT_PROVEN)


def _preview(plan: StressPlan, *, as_json: bool) -> None:
    from edgemed.report.stress_text import AXES as WORDS
    from edgemed.report.stress_text import METRICS

    told = plan.task.describe()
    if as_json:
        body = {"simulated": told, "heads": plan.count, "seed": plan.seed, "scored": dict(plan.heads)}
        click.echo(json.dumps({**body, "artefacts": list(plan.artefacts), "axes": plan.points}))
        return
    click.echo(told)
    rows = [
        (WORDS[axis].title, ", ".join(plain(WORDS[axis].value(value)) for value in values))
        for axis, values in plan.points.items()
    ]
    rows += [(f"scored: {head}", plain(METRICS[metric])) for head, metric in plan.heads.items()]
    rows += [("answer", ", ".join(("original", *plan.artefacts)))]
    times = f"{plan.simulations} times" if plan.simulations > 1 else "once"
    rows += [("simulated", f"{plan.count} heads of seed {plan.seed}, {times}")]
    print_table("", ["", ""], rows, "ll")


def _print(found: Stress) -> None:
    from edgemed.report.numerals import share
    from edgemed.report.stress_text import AXES as WORDS
    from edgemed.report.stress_text import METRICS, answer, lost, notes, reached

    click.echo(found.simulated)
    for index, first in enumerate(found.axes[0].points[0].figures):
        rows = [
            [
                plain(WORDS[axis.name].point(point.value)),
                plain(share(point.refused)),
                plain(reached(first.metric, point.figures[index].original)),
                *(plain(lost(each.loss)) for each in point.figures[index].artefacts),
            ]
            for axis in found.axes
            for point in axis.points
        ]
        head = ["", "refused", "original", *found.artefacts]
        name = f"{plain(METRICS[first.metric])} of {first.head}"
        print_table(f"\n{name}: the original's, and what each artefact loses", head, rows)
    click.echo("")
    for name, why in found.left_out.items():
        click.echo(f"note: {name} did not answer: {why}")
    for note in notes(found):
        click.echo(f"note: {plain(note)}")
    for line in answer(found):
        click.echo(plain(line))
