"""How a compile ended, on the terminal."""

from __future__ import annotations

import math
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgemed.cli.tables import GAP, plain, print_table, widths_of

if TYPE_CHECKING:
    from edgemed.types import AgreementFigures, CandidateResult, Compilation, Figure

_WIDTH = 80
_MOST_FIGURES = 12


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
    for note in _not_known(result):
        click.echo(textwrap.fill(note, _WIDTH, initial_indent="not known  ", subsequent_indent=" " * 11))
    if not result.kept:
        click.echo("nothing that was built agrees with the original: no artefact is kept", err=True)
    else:
        click.echo(f"artefacts  {out / 'artefacts'}")
    click.echo(f"report     {out / 'report.html'}")
    if any(each.unmeasured for each in result.candidates if each.status == "kept"):
        click.echo(f"measure    edgemed-device tune {shown}    (on the device)")
    if result.best is not None:
        names = [each.name for each in result.model.inputs]
        given = "FILE" if len(names) == 1 else f"one.npz (arrays: {', '.join(names)})"
        if case is not None:
            given = shlex.quote(str(case))
        click.echo(f"try it     edgemed run {shown} {given}")


def _not_known(result: Compilation) -> list[str]:
    """What this machine could not find out, a line for each reason."""
    kept = [each for each in result.candidates if each.status == "kept"]
    reasons: dict[str, list[str]] = {}
    for each in kept:
        if each.stand_in:
            reasons.setdefault(f"not executed on its hardware; judged by {each.stand_in}", []).append(each.id)
        if each.unmeasured:
            reasons.setdefault(f"not timed: {each.unmeasured}", []).append(each.id)
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


_STAMPS = {"speed only": ": no labelled selection set, so accuracy is not known"}
_SAME, _AUC, _SNR = "same", "AUC\nchange", "SNR\ndB"
_MEANINGS = {
    _SAME: "same: decisions that are the original's",
    _AUC: "AUC change: the artefact's minus the original's",
    _SNR: "SNR: of the original's values to what is added to them",
}


def _print_candidates(result: Compilation) -> None:
    from edgemed.report.cases import SETS
    from edgemed.report.numerals import significant

    title = f"{result.name} {result.version}"
    if result.original.latency is not None:
        title += f": original {plain(significant(result.original.latency.p50_ms))} ms"
        title += f" ({result.original.runtime})"
    near = _nearness_head(result)
    rows = [[each.id, *_speed(each), *_nearness(each, near)] for each in result.candidates]
    print_table(title, ["candidate", "median\nms", "ratio", "95 %\ninterval", "size\nMiB", *near], rows)
    notes = ["ratio: time over the original's, below 1 is faster"]
    if near:
        notes.append("; ".join(map(_MEANINGS.__getitem__, near)) + f"; on {SETS[result.compared_on]}")
    for note in notes:
        click.echo(textwrap.fill(note, _WIDTH))
    click.echo()


def _speed(each: CandidateResult) -> list[str]:
    from edgemed.report.numerals import ratio, ratio_interval, significant

    cells = [
        significant(each.latency.p50_ms) if each.latency else "",
        ratio(each.ratio) if each.ratio else "",
        ratio_interval(each.ratio),
        significant(each.size_bytes / (1 << 20)) if each.size_bytes else "",
    ]
    return [plain(cell) for cell in cells]


def _nearness_head(result: Compilation) -> list[str]:
    """Only the columns that some candidate fills."""
    found = [figures for each in result.candidates for figures in each.select_agreement or ()]
    head = [_SAME] if any(each.decisions is not None for each in found) else []
    if any(_auc(each) is not None for each in found):
        return [*head, _AUC]
    return [*head, _SNR] if found else head


def _nearness(each: CandidateResult, head: list[str]) -> list[str]:
    """The least near of all outputs."""
    from edgemed.report.numerals import share, signed

    found = each.select_agreement or ()
    shares = [f.decisions.value for f in found if f.decisions is not None and f.decisions.value is not None]
    changes = [change for change in map(_auc, found) if change is not None]
    ratios = [-math.inf if f.snr_db is None else f.snr_db for f in found if not f.identical]
    cells = {
        _SAME: share(min(shares)) if shares else "",
        _AUC: signed(max(changes, key=abs)) if changes else "",
        _SNR: f"{min(ratios):.1f}" if ratios else "identical" if found else "",
    }
    return [plain(cells[name]) for name in head]


def _auc(figures: AgreementFigures) -> float | None:
    found = figures.difference("auc")
    return None if found is None else found.value


def _print_reasons(result: Compilation) -> None:
    """What became of each and why, as far as the table does not tell; report.html has every figure."""
    width = max((len(each.id) for each in result.candidates), default=0) + GAP
    for each in result.candidates:
        status = "best" if each.id == result.best else each.status
        reason = f"{status}: {each.reason.partition('; agrees: ')[0]}"
        lines = textwrap.wrap(reason, _WIDTH - width, break_long_words=False)
        for index, line in enumerate(lines):
            click.echo(f"{each.id if index == 0 else '':<{width}}{line}")
    click.echo()


def _print_acceptance(result: Compilation) -> None:
    from edgemed.report.tables import TITLES

    models = [("original", result.original.accept_figures)]
    models += [(each.id, each.accept_figures) for each in result.candidates if each.status == "kept"]
    for index, output in enumerate(result.model.outputs):
        rows: dict[tuple[str, str], list[str]] = {}
        for _, figures in models:
            for figure in figures[index].items if figures else ():
                label = f", {figure.label}" if figure.label else ""
                name = f"{TITLES.get(figure.name, figure.name)}{label}"
                rows.setdefault((figure.name, figure.label), [plain(name)]).append(_shown(figure))
        if rows:
            head = ["", *(name for name, figures in models if figures)]
            cases = next(figures[index].n for _, figures in models if figures)
            shown = list(rows.values())[:_MOST_FIGURES]
            print_table(
                f"{output.name}: {cases} acceptance cases (95 % interval)", head, _stacked(head, shown)
            )
            if len(rows) > len(shown):
                click.echo(f"and {len(rows) - len(shown)} more in report.html")
            click.echo()


def _stacked(head: list[str], rows: list[list[str]]) -> list[list[str]]:
    """Intervals below their figures where a line has no room for them."""
    from rich.console import Console

    if sum(width + GAP for width in widths_of([head, *rows])) - GAP <= Console().width:
        return rows
    return [[first, *(cell.replace(" (", "\n(") for cell in cells)] for first, *cells in rows]


def _shown(item: Figure) -> str:
    from edgemed.report.numerals import figure, interval

    between = interval(item)
    return plain(f"{figure(item)} ({between})" if between else figure(item))
