"""`edgemed mr decays`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgemed.errors import BadInput


@click.command(
    epilog="""\b
Examples:
  edgemed mr decays relaxometer.npz --larmor-frequency 27.46e6 -o decays.npz
  edgemed mr decays relaxometer.npz --larmor-frequency 27.46e6 \\
      --only substance=toluene --only substance=n-heptane -o select.npz"""
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="OUT.npz")
@click.option(
    "--larmor-frequency", "larmor_frequency_hz", type=click.FloatRange(0, min_open=True), required=True,
    help="In Hz: 42.577 MHz for each tesla.",
)  # fmt: skip
@click.option("--signal", default="x", show_default=True, help="Array of decays (n, echoes).")
@click.option("--times", default="t", show_default=True, help="Array of echo times (echoes,) in s.")
@click.option("--protocol", default="cpmg", show_default=True, help="The sequence's name.")
@click.option(
    "--only", multiple=True, metavar="COLUMN=VALUE",
    help="Take these decays alone (repeat for more values, or columns).",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {file, signals, echoes, columns}.")
def decays(
    file: Path,
    out: Path,
    larmor_frequency_hz: float,
    signal: str,
    times: str,
    protocol: str,
    only: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Write a table of real-valued echo decays, such as a relaxometer's CPMG trains, as raw MR signals.

    FILE is an .npz of decays, echo times and any further arrays of a row for each decay, which are kept:
    OUT::group=COLUMN names one. The decay becomes I, and Q is 0. There is one sample an echo, so the dwell
    time is the echoes' spacing. Times from 0 count from the first echo, which is taken to come one spacing
    after the excitation.
    """
    from edgemed.mr.decay_table import read_decays

    if out.suffix.lower() != ".npz":
        raise BadInput(f"{out} is no .npz", where="--out", remedy="give a name that ends in .npz")
    if out.exists() and (not force or out.samefile(file)):
        raise BadInput(f"{out} exists", where="--out", remedy="give another --out, or --force")
    table = read_decays(file, signal, times).only(_wanted(only))
    acquisition = table.acquisition(larmor_frequency_hz, protocol)
    table.write(out, acquisition)
    echoes = len(table.times_s)
    if as_json:
        told = {"file": str(out), "signals": len(table), "echoes": echoes, "columns": list(table.columns)}
        click.echo(json.dumps(told))
        return
    click.echo(f"{len(table)} signals, each {acquisition.describe((1, echoes, 1, 1))}")
    click.echo(f"columns: {', '.join(table.columns) or 'none'}")
    click.echo(f"made {out}")


def _wanted(only: tuple[str, ...]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for each in only:
        column, equals, value = each.partition("=")
        if not equals:
            raise BadInput(f"{each!r} names no value", where="--only", remedy="write COLUMN=VALUE")
        wanted.setdefault(column, []).append(value)
    return wanted
