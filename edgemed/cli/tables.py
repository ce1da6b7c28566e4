"""Tables on the terminal, readable at 80 columns."""

from __future__ import annotations

import math
import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edgemed.types import AgreementFigures, CandidateResult, Compilation, Figure

_WIDTH = 80
_MOST_FIGURES = 12


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """First column to the left, the others to the right; the last to the left when it holds sentences."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=title or None, title_justify="left", title_style="bold", show_header=any(head), box=None,
        pad_edge=False,
    )  # fmt: skip
    sentences = any(len(row[-1]) > 24 for row in rows)
    for index, name in enumerate(head):
        left = index == 0 or (sentences and index == len(head) - 1)
        table.add_column(name, justify="left" if left else "right", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table, highlight=False, markup=False)


def print_outcome(result: Compilation, out: Path, case: Path | None = None) -> None:
    """The candidates, why each is what it is, the figures on the acceptance set, and what to do next.

    `case` is a file to try the best artefact on.
    """
    _print_candidates(result)
    _print_reasons(result)
    _print_acceptance(result)
    for stamp in result.stamps:
        click.echo(f"stamp      {stamp}{_STAMPS.get(stamp, '')}")
    shown = shlex.quote(str(out))
    if result.best is None:
        click.echo("nothing that was built agrees with the original: no artefact is kept", err=True)
    else:
        click.echo(f"artefacts  {out / 'artefacts'}")
    click.echo(f"report     {out / 'report.html'}")
    if result.best is not None:
        names = [each.name for each in result.model.inputs]
        given = "FILE" if len(names) == 1 else f"one.npz (arrays: {', '.join(names)})"
        if case is not None:
            given = shlex.quote(str(case))
        click.echo(f"try it     edgemed run {shown} {given}")


_STAMPS = {"speed only": ": no labelled selection set, so accuracy is not known"}


def _print_candidates(result: Compilation) -> None:
    from edgemed.report.cases import SETS

    title = f"{result.name} {result.version}"
    if result.original.latency is not None:
        title += f": original {result.original.latency.p50_ms:.3g} ms ({result.original.runtime})"
    near = _nearness_head(result)
    rows = []
    for each in result.candidates:
        mark = "★" if each.id == result.best else "✓" if each.status == "kept" else " "
        rows.append([f"{mark} {each.id}", *_speed(each), *_nearness(each, near), each.status])
    print_table(title, ["  candidate", "ms", "ratio", "MB", *near, ""], rows)
    if near:
        click.echo(f"{' and '.join(near)}: on {SETS[result.compared_on]}")
    click.echo()


def _speed(each: CandidateResult) -> list[str]:
    return [
        f"{each.latency.p50_ms:.3g}" if each.latency else "",
        f"{each.ratio.ratio:.2f}" if each.ratio else "",
        f"{each.size_bytes / 1e6:.2f}" if each.size_bytes else "",
    ]


_DECISIONS, _AUC, _SNR = "decisions", "AUC diff.", "SNR dB"


def _nearness_head(result: Compilation) -> list[str]:
    """Only the columns that some candidate fills."""
    found = [figures for each in result.candidates for figures in each.select_agreement or ()]
    head = [_DECISIONS] if any(each.decisions is not None for each in found) else []
    if any(_auc(each) is not None for each in found):
        return [*head, _AUC]
    return [*head, _SNR] if found else head


def _nearness(each: CandidateResult, head: list[str]) -> list[str]:
    """The least near of all outputs."""
    found = each.select_agreement or ()
    shares = [f.decisions.value for f in found if f.decisions is not None and f.decisions.value is not None]
    gaps = [abs(gap) for gap in map(_auc, found) if gap is not None]
    ratios = [-math.inf if f.snr_db is None else f.snr_db for f in found if not f.identical]
    cells = {
        _DECISIONS: f"{min(shares):.1%}" if shares else "",
        _AUC: f"{max(gaps):.2g}" if gaps else "",
        _SNR: f"{min(ratios):.1f}" if ratios else "same" if found else "",
    }
    return [cells[name] for name in head]


def _auc(figures: AgreementFigures) -> float | None:
    found = figures.difference("auc")
    return None if found is None else found.value


def _print_reasons(result: Compilation) -> None:
    """What the table's columns do not tell; report.html has every figure."""
    width = max((len(each.id) for each in result.candidates), default=0) + 4
    for each in result.candidates:
        reason = each.reason.partition("; agrees: ")[0]
        lines = textwrap.wrap(reason, _WIDTH - width, break_long_words=False)
        for index, line in enumerate(lines):
            click.echo(f"  {each.id if index == 0 else '':<{width - 2}}{line}")
    click.echo()


def _print_acceptance(result: Compilation) -> None:
    models = [("original", result.original.accept_figures)]
    models += [(each.id, each.accept_figures) for each in result.candidates if each.status == "kept"]
    for index, output in enumerate(result.model.outputs):
        rows: dict[str, list[str]] = {}
        for _, figures in models:
            for figure in figures[index].items if figures else ():
                name = f"{figure.name} {figure.label}".strip()
                rows.setdefault(name, [name]).append(_shown(figure))
        if rows:
            head = [output.name, *(name for name, figures in models if figures)]
            cases = next(figures[index].n for _, figures in models if figures)
            shown = list(rows.values())[:_MOST_FIGURES]
            print_table(f"acceptance set, {cases} cases (95 % interval)", head, shown)
            if len(rows) > len(shown):
                click.echo(f"and {len(rows) - len(shown)} more in report.html")
            click.echo()


def _shown(item: Figure) -> str:
    """As in the report, in characters that every terminal has."""
    from edgemed.report.numerals import MINUS, NO_BREAK, NONE, THIN, figure, interval

    between = interval(item)
    text = f"{figure(item)} ({between})" if between else figure(item)
    return text.translate(str.maketrans(MINUS + NONE + NO_BREAK + THIN, "--  "))
