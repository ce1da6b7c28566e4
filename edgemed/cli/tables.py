"""Tables on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from edgemed.types import CandidateResult, Compilation


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """First column to the left, the others to the right; the last to the left when it holds sentences."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    sentences = any(len(row[-1]) > 24 for row in rows)
    for index, name in enumerate(head):
        left = index == 0 or (sentences and index == len(head) - 1)
        table.add_column(name, justify="left" if left else "right", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table, highlight=False, markup=False)


def print_outcome(result: Compilation, out: Path) -> None:
    """The candidates, the figures on the acceptance set, and what to do next."""
    _print_candidates(result)
    _print_acceptance(result)
    if result.best is None:
        click.echo("nothing that was built agrees with the original; no artefact is kept", err=True)
    for stamp in result.stamps:
        click.echo(f"stamp: {stamp}")
    click.echo(f"artefacts: {out / 'artefacts'}")
    click.echo(f"report:    {out / 'report.html'}  (open it in a browser)")
    if result.best is not None:
        click.echo(f"try it:    edgemed run {shlex.quote(str(out))} FILE")


def _print_acceptance(result: Compilation) -> None:
    models = [("original", result.original.accept_figures)]
    models += [(each.id, each.accept_figures) for each in result.candidates if each.status == "kept"]
    for index, output in enumerate(result.model.outputs):
        rows: dict[str, list[str]] = {}
        for _, figures in models:
            for figure in figures[index].items if figures else ():
                name = f"{figure.name} {figure.label}".strip()
                interval = "" if figure.low is None else f" ({figure.low:.3f} to {figure.high:.3f})"
                shown = "-" if figure.value is None else f"{figure.value:.4g}{interval}"
                rows.setdefault(name, [name]).append(shown)
        if rows:
            head = [output.name, *(name for name, figures in models if figures)]
            print_table("acceptance set (95 % interval)", head, list(rows.values())[:12])


def _print_candidates(result: Compilation) -> None:
    rows = []
    for each in result.candidates:
        mark = "★ " if each.id == result.best else "✓ " if each.status == "kept" else "  "
        rows.append([mark + each.id, *_figures(each), each.status])
    title = result.name
    if result.original.latency is not None:
        title += f": original {result.original.latency.p50_ms:.3g} ms ({result.original.runtime})"
    print_table(title, ["candidate", "ms", "ratio", "MB", ""], rows)
    for each in result.candidates:
        click.echo(f"  {each.id}: {each.reason}")
    click.echo()


def _figures(each: CandidateResult) -> list[str]:
    return [
        f"{each.latency.p50_ms:.3g}" if each.latency else "",
        f"{each.ratio.ratio:.2f}" if each.ratio else "",
        f"{each.size_bytes / 1e6:.2f}" if each.size_bytes else "",
    ]
