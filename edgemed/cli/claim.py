"""`edgemed claim`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from edgemed.cli.tables import plain, print_table
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.judge.claim import Claim


@click.command(
    epilog="""\b
Examples:
  edgemed claim --only-a 31 --only-b 19
  edgemed claim --acc-a .93 --acc-b .91 --n 500 --congruence .88
  edgemed claim --acc-a .93 --acc-b .91 --n 500

\b
Exit codes: 0 told, 2 bad input."""
)
@click.option("--only-a", metavar="N", type=float, help="Cases that only A has right.")
@click.option("--only-b", metavar="N", type=float, help="Cases that only B has right.")
@click.option("--acc-a", metavar="SHARE", type=float, help="Published accuracy of A, such as .93.")
@click.option("--acc-b", metavar="SHARE", type=float, help="Published accuracy of B on the same cases.")
@click.option("--n", metavar="N", type=int, help="Number of those cases.")
@click.option(
    "--congruence", metavar="SHARE", type=float,
    help="Share of the cases that both have right.  [default: all that is possible is told]",
)  # fmt: skip
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: [{only_a, only_b, false, overlap, ...}, ...]."
)
@click.pass_context
def claim(
    context: click.Context,
    only_a: float | None,
    only_b: float | None,
    acc_a: float | None,
    acc_b: float | None,
    n: int | None,
    congruence: float | None,
    as_json: bool,
) -> None:
    """Tell how likely the claim "A is more accurate than B" is false.

    From the paired counts of two models on the same cases (only A right, only B right), or from published
    accuracies, where what matters is how many cases both have right: without --congruence the whole range
    that is possible is told. With a flat prior on the paired table (Christodoulou et al. 2025).

    Two equal models give one half, whatever the number of cases: this is told beside the gate and never is
    the gate. Whether a model is proven not worse, `edgemed judge` tells.
    """
    from edgemed.judge.claim import claim_of_counts, claim_of_figures, claims_of_figures

    _check_options(context)
    claims: tuple[Claim, ...]
    if only_a is not None and only_b is not None:
        claims = (claim_of_counts(only_a, only_b),)
    elif acc_a is not None and acc_b is not None and n is not None:
        if congruence is None:
            claims = claims_of_figures(acc_a, acc_b, n)
        else:
            claims = (claim_of_figures(acc_a, acc_b, n, congruence),)
    if as_json:
        click.echo(json.dumps([each.to_dict() for each in claims]))
    else:
        _print(claims)


_COUNTS = ("only_a", "only_b")
_FIGURES = ("acc_a", "acc_b", "n")


def _check_options(context: click.Context) -> None:
    """Raises `BadInput` unless the options are those of one of the two forms, all of them."""
    given = {
        name
        for name in (*_COUNTS, *_FIGURES, "congruence")
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    form, other = (_FIGURES, _COUNTS) if given & {*_FIGURES, "congruence"} else (_COUNTS, _FIGURES)
    if given & {*other}:
        raise BadInput(
            "counts and published accuracies are two ways to ask",
            where=_flags(given & {*other}),
            remedy="give --only-a and --only-b, or --acc-a, --acc-b and --n",
        )
    if missing := {*form} - given:
        raise BadInput(
            "nothing to judge" if not given else "the rest of the figures is missing",
            where=_flags(missing),
            remedy="give --only-a and --only-b, or --acc-a, --acc-b and --n",
        )


def _flags(names: set[str]) -> str:
    return " ".join(sorted(f"--{name.replace('_', '-')}" for name in names))


def _print(claims: tuple[Claim, ...]) -> None:
    from edgemed.report.numerals import mark, significant

    rows = [
        [
            _OVERLAP[each.overlap],
            plain(significant(each.congruence)),
            plain(significant(each.only_a)),
            plain(significant(each.only_b)),
            plain(significant(each.false)) if each.false < 0.01 else plain(mark(each.false)),
        ]
        for each in claims
    ]
    print_table(
        'the claim "A is more accurate than B"',
        ["", "both right", "only A right", "only B right", "P(false)"],
        rows,
    )
    click.echo("\nwith a flat prior on the paired table; two equal models, of any number of cases,")
    click.echo("give one half: it stands beside the gate (edgemed judge) and never is the gate")
    if len(claims) > 1:
        click.echo("trained on the same data, models have more in common than independent ones")


_OVERLAP = {
    "counted": "as counted",
    "given": "as given",
    "fewest in common": "fewest in common",
    "independent": "independent errors",
    "most in common": "most in common",
}
