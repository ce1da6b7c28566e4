"""`edgemed power`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgemed.cli.margins import with_margins
from edgemed.cli.progress import ProgressBar
from edgemed.cli.tables import plain, print_table
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.judge.power_table import ClassCases, Need, PowerTable
    from edgemed.types import JudgeSpec


MOST = 1_000_000


@click.command(
    epilog="""\b
Examples:
  edgemed power
  edgemed power --margin sensitivity=.03 --margin auc=none --flips .01
  edgemed power --positives 120 --negatives 480
  edgemed power recipe.toml --power .9

\b
Exit codes: 0 told, whether your cases are enough or not, 2 bad input, 4 a tool or the machine failed."""
)
@click.argument("recipe_path", metavar="[RECIPE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--margin", "margins", multiple=True, metavar="METRIC=LOSS",
    help="The most that may be lost, such as sensitivity=.05; METRIC=none leaves it out (repeat for more).",
)  # fmt: skip
@click.option(
    "--alpha", type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    help="One-sided error of a proof.  [default: the recipe's, or .025]",
)  # fmt: skip
@click.option(
    "--power", "wanted", type=click.FloatRange(0.5, 1, max_open=True), default=0.8, show_default=True,
    help="How likely the proof of an artefact that is as good as the original shall be.",
)  # fmt: skip
@click.option(
    "--flips", multiple=True, metavar="SHARE", type=click.FloatRange(0, 1),
    help="Share of the cases that change (repeat for more).  [default: 0, .005, .01, .02 and .05]",
)  # fmt: skip
@click.option("--positives", type=click.IntRange(0, MOST), help="Positive cases that you have.")
@click.option("--negatives", type=click.IntRange(0, MOST), help="Negative cases that you have.")
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: {alpha, wanted, needs: [{metric, margin, counted, flips, cases, ...}], together, ...}.",
)  # fmt: skip
def power(
    recipe_path: Path | None,
    margins: tuple[str, ...],
    alpha: float | None,
    wanted: float,
    flips: tuple[float, ...],
    positives: int | None,
    negatives: int | None,
    as_json: bool,
) -> None:
    """Tell how many cases a proof takes, and what yours can prove, before anything is compressed.

    Margins come from a RECIPE, or are the defaults; of the RECIPE's acceptance set the labels are counted
    (its model is exported first, to know its heads).

    Assumed: the artefact is as good as the original, so half of the changed cases are lost and half
    won; cases are of different patients (else count patients). For sensitivity, specificity and accuracy the
    answer is exact. AUC, Brier score and means over classes are taken to lose or win the whole weight of
    each changed case, which is on the safe side; the AUC is counted on the smaller class.
    """
    from edgemed.judge.power_table import FLIPS, power_table

    spec, sets = _question(recipe_path, positives, negatives, quiet=as_json)
    table = power_table(with_margins(spec, margins, alpha), sets, flips or FLIPS, wanted)
    if as_json:
        click.echo(table.to_json(), nl=False)
    else:
        _print(table)


def _question(
    recipe_path: Path | None, positives: int | None, negatives: int | None, *, quiet: bool
) -> tuple[JudgeSpec, tuple[ClassCases, ...]]:
    """What is to be proven, and on how many cases."""
    from edgemed.judge.power_table import NO_SET, ClassCases
    from edgemed.types import JudgeSpec

    if (positives is None) != (negatives is None):
        missing = "--negatives" if negatives is None else "--positives"
        raise BadInput(
            "positive and negative cases are counted together", where=missing, remedy=f"add {missing} N"
        )
    given = (NO_SET,)
    if positives is not None and negatives is not None:
        given = (ClassCases("", {"": positives}, positives + negatives),)
    if recipe_path is None:
        return JudgeSpec(), given
    if positives is not None:
        raise BadInput(
            "the recipe's acceptance set is counted, and cases are given too",
            where="--positives",
            remedy="leave out RECIPE, or --positives and --negatives",
        )
    from edgemed.cli.tools import require_tools
    from edgemed.recipe_file import read_recipe
    from edgemed.stages.class_cases import class_cases

    recipe = read_recipe(recipe_path)
    require_tools()
    with ProgressBar(quiet=quiet) as bar:
        found = class_cases(recipe, recipe_path.parent, bar)
    if not found:
        click.echo("the recipe has no acceptance set with labels of classes: none are counted", err=True)
    return recipe.judge, found or given


def _print(table: PowerTable) -> None:
    from edgemed.judge.power import MOST_CASES
    from edgemed.report.numerals import count

    rows: dict[tuple[str, ...], list[Need]] = {}
    for each in table.needs:
        name = " ".join(filter(None, (each.output, each.label, each.metric)))
        rows.setdefault((name, f"{each.margin:g}", each.counted), []).append(each)
    shares = [f"{100 * each.flips:g} %" for each in next(iter(rows.values()))]
    head = ["", "margin", "of", *shares]
    print_table(
        f"cases needed, by the share that changes; power {table.wanted:g}, one-sided alpha {table.alpha:g}",
        head,
        [
            [*key, *(plain(count(each.cases) if each.cases else f"> {count(MOST_CASES)}") for each in needs)]
            for key, needs in rows.items()
        ],
        "lll" + "r" * len(shares),
    )
    if table.together:
        print_table(
            "\nprobability of a proof with what you have, by the share that changes",
            ["", "you have", *shares],
            [
                *(
                    [name, plain(f"{count(needs[0].have)} {of}"), *(_chance(each.power) for each in needs)]
                    for (name, _, of), needs in rows.items()
                ),
                ["all, at least", "", *(_chance(each.power) for each in table.together)],
            ],
            "ll" + "r" * len(shares),
        )
    click.echo("\nhalf of the changes lose a case, half win one; --help tells what else is assumed")
    for note in table.notes:
        click.echo(f"note: {note}")


def _chance(power: float | None) -> str:
    """With three places; rounded neither up to 1 nor down to 0."""
    if power is None:
        return "-"
    if 0 < power < 0.001:
        return "< 0.001"
    return "> 0.999" if 0.999 < power < 1 else f"{power:.3f}"
