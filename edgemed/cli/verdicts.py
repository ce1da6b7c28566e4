"""What `edgemed judge` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from edgemed.cli.tables import plain, print_table

if TYPE_CHECKING:
    from edgemed.stages.judging import Bench
    from edgemed.stages.self_test import Control, SelfTest
    from edgemed.types import Compilation, DataFacts, JudgeSpec, Opening, Verdict


def print_verdicts(
    verdicts: Sequence[Verdict], openings: Sequence[Opening], *, as_json: bool, alone: bool
) -> None:
    """`alone`: one verdict is meant, and its JSON is not held in a table of ids."""
    from edgemed.report.verdict_text import verdict_lines

    if as_json:
        body = {each.id: each.to_dict() for each in verdicts}
        click.echo(verdicts[0].to_json() if alone else json.dumps(body), nl=not alone)
        return
    for line in (line for verdict in verdicts for line in verdict_lines(verdict)):
        click.echo(line)
    named: dict[str, list[str]] = {}
    for verdict in verdicts:
        for note in verdict.notes:
            named.setdefault(note, []).append(verdict.id)
    for note, names in named.items():
        whose = "" if len(names) == len(verdicts) else f"{', '.join(names)}: "
        click.echo(f"note: {whose}{note}", err=True)
    if openings:
        number = verdicts[0].opening
        click.echo(f"opening    {number} of {len(openings)} of acceptance data, in acceptance-ledger.json")


def print_subgroups(verdict: Verdict) -> None:
    """Every figure with a margin in each subgroup. They decide nothing."""
    from edgemed.report.grounds import between, margin_of, title_of
    from edgemed.report.numerals import change, count

    rows = [
        [
            each.subgroup,
            title_of(each),
            plain(count(each.n)),
            plain(change(each.metric, each.difference)),
            plain(between(each)),
            plain(margin_of(each)),
            each.outcome,
        ]
        for each in verdict.differences
        if each.subgroup and each.outcome is not None
    ]
    if rows:
        head = ["subgroup", "", "cases", "difference", "interval", "margin", ""]
        print_table("\nsubgroups, which decide nothing", head, rows, "llrrrrl")


def print_preview(
    result: Compilation, bench: Bench, facts: DataFacts, spec: JudgeSpec, *, engine: bool, as_json: bool
) -> None:
    """What would be judged. The set is large enough, else there were an error."""
    from edgemed.report.margins import asked
    from edgemed.stages.verdicts import executed_by

    by = {name: executed_by(manifest, engine=engine) for name, (_, manifest) in bench.artefacts.items()}
    if as_json:
        body = {"artefacts": by, "ref": facts.ref, "cases": facts.n, "class_counts": facts.class_counts}
        click.echo(json.dumps({**body, "judge": spec.to_dict()}))
        return
    rows = [("artefact", f"{name}, answers by {runtime}") for name, runtime in by.items()]
    rows += [("original", str(bench.original)), ("set", f"{facts.ref}, {facts.n} cases")]
    for output, counts in facts.class_counts.items():
        rows.append((output, ", ".join(f"{name} {count}" for name, count in counts.items())))
    margins = asked(replace(result, recipe={**result.recipe, "judge": spec.to_dict()}))
    if margins is not None:
        rows += [
            (f"margin of {output}", plain(f"{row.title}: {row.cells[index].text}"))
            for index, output in enumerate(margins.outputs)
            for row in margins.rows
            if row.cells[index].text
        ]
    unknown = any(each.kind == "regression" for each in bench.reference.outputs)
    told = "not known before the answers" if unknown else "possible where few answers change"
    rows.append(("proof", f"{told} (alpha {spec.alpha:g})"))
    print_table("", ["", ""], rows, "ll")


def print_self_test(tested: SelfTest, *, as_json: bool) -> None:
    if as_json:
        click.echo(tested.to_json(), nl=False)
        return
    rows = [(each.name, each.what, _outcome(each), _why(each)) for each in tested.controls]
    print_table(
        f"negative controls on {tested.cases} cases of {tested.ref}",
        ["control", "what is broken", "outcome", "because of"], rows, "llll",
    )  # fmt: skip
    failed = [each.name for each in tested.controls if each.passed is False]
    if failed:
        click.echo(f"FAILED: {', '.join(failed)}")
    elif tested.passed:
        click.echo("passed: what was broken is refused, the copy is not refuted")
    else:
        click.echo("FAILED: no control could be judged, so nothing is shown")


def _outcome(control: Control) -> str:
    if control.outcome is None:
        return "not judged"
    if control.passed is False:
        told = "shows nothing" if control.outcome == "not provable" else "NOT as it must be"
        return f"{control.outcome}: {told}"
    return control.outcome


def _why(control: Control) -> str:
    from edgemed.report.grounds import ground

    told = [ground(control.decided)] if control.decided is not None else []
    return plain("; ".join([*told, *([control.reason] if control.reason else [])]))
