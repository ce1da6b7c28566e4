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
    from edgemed.report.unknowns import Unknown
    from edgemed.types import AgreementFigures, CandidateResult, Compilation, Figure
    from edgemed.types.pruning import PruningFacts

_WIDTH = 80
_MOST_FIGURES = 12


def print_outcome(result: Compilation, out: Path, case: Path | None = None) -> None:
    """The candidates, why each is what it is, the figures on the acceptance set, and what to do next.

    `case` is a file to try the best artefact on.
    """
    from edgemed.report.pruning import all_dropped
    from edgemed.runtime import ARTEFACTS

    _print_candidates(result)
    _print_reasons(result)
    _print_acceptance(result)
    _print_verdicts(result)
    if result.pruning is not None:
        _print_field("pruned", _pruned(result.pruning, result.recipe["prune"]["epochs"]))
    if told := all_dropped(result):
        _print_field("", told)
    for stamp in result.stamps:
        click.echo(f"stamp      {stamp}{_STAMPS.get(stamp, '')}")
    shown = shlex.quote(str(out))
    for note in _not_known(result):
        _print_field("not known", note)
    if not result.kept:
        click.echo(nothing_kept(result), err=True)
    else:
        click.echo(f"artefacts  {out / ARTEFACTS}")
    click.echo(f"report     {out / 'report.html'}")
    if any(each.unmeasured for each in result.candidates if each.status == "kept"):
        click.echo(f"measure    edgemed-device tune {shown}    (on the device)")
    if result.best is not None:
        names = [each.name for each in result.model.inputs]
        given = "FILE" if len(names) == 1 else f"one.npz (arrays: {', '.join(names)})"
        if case is not None:
            given = shlex.quote(str(case))
        click.echo(f"try it     edgemed run {shown} {given}")


def nothing_kept(result: Compilation) -> str:
    """The last word where no artefact is kept."""
    limited = any(each.reason.startswith("misses the target's limits") for each in result.candidates)
    within = " within the target's limits" if limited else ""
    judged = [each for each in result.candidates if each.verdict is not None]
    if judged and "gate off" not in result.stamps:
        return "nothing that agrees with the original is proven not worse than it: no artefact is kept"
    return f"nothing that was built agrees with the original{within}: no artefact is kept"


def _not_known(result: Compilation) -> list[str]:
    """What this machine could not find out of what is kept, each reason once."""
    from edgemed.report.unknowns import enumerated, not_executed, not_measured

    kept = [each for each in result.candidates if each.status == "kept"]

    unexecuted = not_executed(kept)

    def named(unknown: Unknown) -> str:
        if len(unknown.ids) == len(kept) > 1:
            return f"all {len(kept)} that are kept"
        return enumerated(unknown.ids)

    def told_before(unknown: Unknown) -> bool:
        return [unknown.ids] == [each.ids for each in unexecuted]

    return [
        f"what {named(each)} answer{_s(each)} on {result.target}: nothing was executed on its hardware; all "
        f"figures are those of {each.reason}"
        for each in unexecuted
    ] + [
        f"how fast {'that is' if told_before(each) else f'{named(each)} run{_s(each)}'} on {result.target}: "
        f"{each.reason}"
        for each in not_measured(kept)
    ]


def _s(unknown: Unknown) -> str:
    return "s" if len(unknown.ids) == 1 else ""


def _pruned(facts: PruningFacts, most_epochs: int) -> str:
    """How much is left, and what recovery did; or why nothing came of it."""
    from edgemed.report.numerals import significant
    from edgemed.report.pruning import epochs_done, left, loss_rows

    if facts.dropped:
        return plain(f"the pruned model is dropped: {facts.dropped}")
    pruning, recovery = facts.pruning, facts.recovery
    parameters = left(pruning.parameters_before, pruning.parameters_after)
    macs = left(pruning.macs_before, pruning.macs_after)
    told = f"{parameters} of the parameters and {macs} of the multiply-adds are left; "
    if recovery is None:
        return plain(f"{told}{facts.unrecovered}, so what pruning cost stays in the answers")
    start, *_ = rows = loss_rows(recovery)
    kept = next(row for row in rows if row.kept)
    told += f"held-out loss {start.text}, in the end {kept.text} ({kept.state}), after "
    told += f"{epochs_done(recovery, most_epochs)} in {significant(recovery.minutes)} min"
    diverged = ", which diverged" if recovery.stopped == "diverged" else ""
    return plain(told + (f"; {facts.unrecovered}" if facts.unrecovered else diverged))


def _print_field(name: str, text: str) -> None:
    click.echo(
        textwrap.fill(
            text, _WIDTH, initial_indent=f"{name:<11}", subsequent_indent=" " * 11, break_on_hyphens=False,
            break_long_words=False,
        )
    )  # fmt: skip


_STAMPS = {
    "speed only": ": no labelled selection set, so accuracy is not known",
    "not judged": ": no labelled acceptance set, so nothing is proven",
    "gate off": ": kept whatever the verdict",
}
_SAME, _AUC, _SNR = "same\n%", "AUC\nchange", "SNR\ndB"
_MEANINGS = {
    _SAME: "same: decisions that are the original's",
    _AUC: "AUC change: the artefact's minus the original's",
    _SNR: "SNR: of the original's values to what is added to them",
}
_STAND_IN = "*"
"""Behind the id of what was never executed on its hardware."""


def _print_candidates(result: Compilation) -> None:
    from edgemed.report.cases import SETS
    from edgemed.report.numerals import significant
    from edgemed.report.unknowns import whose_times

    title = f"{result.name} {result.version}"
    timed = any(each.latency is not None for each in result.candidates)
    if timed and result.original.latency is not None:
        title += f": original {plain(significant(result.original.latency.p50_ms))} ms"
        title += f" ({result.original.runtime})"
    near = _nearness_head(result)
    speed = ["median\nms", "ratio", "95 %\ninterval"] if timed else []
    rows = [
        [_shown_id(each), *(_speed(each) if timed else []), _size(each), *_nearness(each, near)]
        for each in result.candidates
    ]
    print_table(title, ["candidate", *speed, "size\nMiB", *near], rows)
    notes = ["ratio: time over the original's, below 1 is faster"] if timed else []
    if whose := whose_times(result):
        notes.append(f"times are {whose}: for information, they decided nothing")
    if near:
        notes.append("; ".join(map(_MEANINGS.__getitem__, near)) + f"; on {SETS[result.compared_on]}")
    if any(each.stand_in for each in result.candidates):
        notes.append(f"{_STAND_IN}: not executed on its hardware")
    for note in notes:
        click.echo(textwrap.fill(note, _WIDTH))
    click.echo()


def _shown_id(each: CandidateResult) -> str:
    return each.id + (_STAND_IN if each.stand_in else "")


def _speed(each: CandidateResult) -> list[str]:
    from edgemed.report.numerals import ratio, ratio_interval, significant

    cells = [
        significant(each.latency.p50_ms) if each.latency else "",
        ratio(each.ratio) if each.ratio else "",
        ratio_interval(each.ratio).replace(" to ", "-"),
    ]
    return [plain(cell) for cell in cells]


def _size(each: CandidateResult) -> str:
    from edgemed.report.numerals import significant

    return plain(significant(each.size_bytes / (1 << 20))) if each.size_bytes else ""


def _nearness_head(result: Compilation) -> list[str]:
    """Only the columns that some candidate fills."""
    found = [figures for each in result.candidates for figures in each.select_agreement or ()]
    head = [_SAME] if any(each.decisions is not None for each in found) else []
    if any(_auc(each) is not None for each in found):
        return [*head, _AUC]
    return [*head, _SNR] if found else head


def _nearness(each: CandidateResult, head: list[str]) -> list[str]:
    """The least near of all outputs."""
    from edgemed.report.numerals import NO_BREAK, share, signed

    found = each.select_agreement or ()
    shares = [f.decisions.value for f in found if f.decisions is not None and f.decisions.value is not None]
    changes = [change for change in map(_auc, found) if change is not None]
    ratios = [-math.inf if f.snr_db is None else f.snr_db for f in found if not f.identical]
    cells = {
        _SAME: share(min(shares)).rstrip(f"{NO_BREAK}%") if shares else "",
        _AUC: signed(max(changes, key=abs)) if changes else "",
        _SNR: f"{min(ratios):.1f}" if ratios else "identical" if found else "",
    }
    return [plain(cells[name]) for name in head]


def _auc(figures: AgreementFigures) -> float | None:
    found = figures.difference("auc")
    return None if found is None else found.value


def _print_reasons(result: Compilation) -> None:
    """What became of each and why, as far as the table does not tell; report.html has every figure.

    Candidates of one runtime with the same reason are told together.
    """
    width = max((len(_shown_id(each)) for each in result.candidates), default=0) + GAP
    ids: dict[tuple[str, str], list[str]] = {}
    for each in result.candidates:
        status = "best" if each.id == result.best else each.status
        ids.setdefault((each.backend, f"{status}: {_short_reason(each)}"), []).append(_shown_id(each))
    for (_, told), names in ids.items():
        if len(names) == 1:
            told, indent = f"{names[0]:<{width}}{told}", " " * width
        else:
            told, indent = f"{', '.join(names)}: {told}", " " * GAP
        click.echo(
            textwrap.fill(
                told, _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
            )
        )
    click.echo()


def _short_reason(each: CandidateResult) -> str:
    reason = each.reason.partition("; agrees: ")[0]
    if reason.startswith("agrees: "):
        return "it agrees" if each.latency is not None else "it agrees, not timed"
    return reason


def _print_acceptance(result: Compilation) -> None:
    """Per output the figures of each model: beside one another while a line has room, else a row for each."""
    kept = [each for each in result.candidates if each.status == "kept"]
    models = [("original", result.original.accept_figures)]
    models += [(_shown_id(each), each.accept_figures) for each in kept]
    for index, output in enumerate(result.model.outputs):
        found = [(name, figures[index]) for name, figures in models if figures]
        keys = list(dict.fromkeys((item.name, item.label) for _, each in found for item in each.items))
        if not keys:
            continue
        shown = keys[:_MOST_FIGURES]
        title = f"{output.name}: {found[0][1].n} acceptance cases"
        head = ["", *(name for name, _ in found)]
        rows = [[_title(*key), *(_shown(each.get(*key)) for _, each in found)] for key in shown]
        stacked = [[first, *(cell.replace(" (", "\n(") for cell in cells)] for first, *cells in rows]
        by_model = [[name, *(row[column] for row in rows)] for column, (name, _) in enumerate(found, 1)]
        across = ["", *(row[0].replace(", ", ",\n") for row in rows)]
        without = [[name, *(cell.partition(" (")[0] for cell in cells)] for name, *cells in by_model]
        layouts = ((head, rows), (head, stacked), (across, by_model))
        fitting = next((layout for layout in layouts if _fits(*layout)), None)
        if fitting is not None:
            print_table(f"{title} (95 % interval)", *fitting)
        else:
            print_table(f"{title}; 95 % intervals are in report.html", across, without)
        if len(keys) > len(shown):
            click.echo(f"and {len(keys) - len(shown)} more in report.html")
        click.echo()


def _print_verdicts(result: Compilation) -> None:
    """Of each that was tried on the acceptance set."""
    from edgemed.report.verdict_text import verdict_lines

    lines = [
        line
        for each in result.candidates
        if each.verdict
        for line in verdict_lines(each.verdict, result.model.outputs)
    ]
    click.echo("\n".join([*lines, ""]) if lines else "", nl=bool(lines))


def _title(name: str, label: str) -> str:
    from edgemed.report.tables import TITLES

    return plain(f"{TITLES.get(name, name)}{f', {label}' if label else ''}")


def _fits(head: list[str], rows: list[list[str]]) -> bool:
    from rich.console import Console

    return sum(width + GAP for width in widths_of([head, *rows])) - GAP <= Console().width


def _shown(item: Figure | None) -> str:
    from edgemed.report.numerals import figure, interval

    between = interval(item)
    return plain(f"{figure(item)} ({between})" if between else figure(item))
