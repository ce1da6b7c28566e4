"""`edgemed judge`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from edgemed.cli.judged import Judged
from edgemed.cli.margins import with_margins
from edgemed.cli.progress import ProgressBar
from edgemed.cli.verdicts import print_preview, print_self_test, print_subgroups, print_verdicts
from edgemed.errors import EXIT_DONE, EXIT_NOT_PROVEN, BadInput

if TYPE_CHECKING:
    from edgemed.types import JudgeSpec, Kind, Verdict
    from edgemed.types.compilation import Role


@click.command(
    epilog="""\b
Examples:
  edgemed judge original.csv artefact.csv --margin sensitivity=.03 --by site
  edgemed judge out/artefacts/openvino-int8 --accept other.npz::x=images,y=labels
  edgemed judge out/artefacts/tensorrt-int8 --engine
  edgemed judge --self-test out

\b
Exit codes: 0 everything is proven (--self-test: refused as it must be), 3 something is not."""
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--margin", "margins", multiple=True, metavar="METRIC=LOSS",
    help="The most that may be lost, such as sensitivity=.05. METRIC=none only reports it; bias and mae take "
    "tenth, of the original's MAE (repeat for more).",
)  # fmt: skip
@click.option(
    "--alpha", type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    help="One-sided error of a proof.  [default: the recipe's, or .025]",
)  # fmt: skip
@click.option("--engine", is_flag=True, help="The artefact's own runtime answers, never a stand-in.")
@click.option("--accept", metavar="SET", help="Labelled cases to judge on.  [default: the recipe's]")
@click.option(
    "--base", type=click.Path(path_type=Path), help="Where OUT's recipe lies, if its sets are not found."
)
@click.option("--self-test", is_flag=True, help="Break the model of OUT on purpose: each must be refused.")
@click.option("--dry-run", is_flag=True, help="Tell what would be judged on which cases, and stop.")
@click.option(
    "--kind", type=click.Choice(["binary", "multiclass", "multilabel", "regression"]),
    help="Of CSVs: what the scores are.  [default: found from the columns]",
)  # fmt: skip
@click.option(
    "--threshold", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.5, show_default=True,
    help="Of CSVs: a case is positive from this probability on.",
)  # fmt: skip
@click.option("--by", metavar="COLUMN+...", help="Of CSVs: columns that name subgroups, such as site+sex.")
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: the verdict; of OUT {ID: verdict}; of --self-test {ref, cases, controls}.",
)  # fmt: skip
@click.pass_context
def judge(
    context: click.Context,
    paths: tuple[Path, ...],
    margins: tuple[str, ...],
    alpha: float | None,
    engine: bool,
    accept: str | None,
    base: Path | None,
    self_test: bool,
    dry_run: bool,
    kind: Kind | None,
    threshold: float,
    by: str | None,
    as_json: bool,
) -> None:
    """Judge whether an artefact is proven not worse than its original on the same labelled cases.

    Intervals have room for a change of answers that was not seen. "needs N cases" is for a power of .8, where
    the next cases change as these did, with half a case added to what was lost and to what was won.

    PATHS are two CSVs of answers (ORIGINAL.csv ARTEFACT.csv), an artefact folder, or the output folder OUT of
    a compile, each of whose artefacts is judged. A CSV has the columns `case`, `score` (or `p.NAME` for each
    class), `target` and, for patients, `group`.

    An artefact answers beside OUT/original on an acceptance set, and OUT/acceptance-ledger.json tells so;
    nothing in the artefact changes. --self-test uses the selection set.
    """
    tables = len(paths) == 2 and not any(path.is_dir() for path in paths)
    _check_options(context, "two CSVs" if tables else "--self-test" if self_test else "artefacts")
    if tables:
        from edgemed.types import JudgeSpec

        verdict = _of_tables(paths, with_margins(JudgeSpec(), margins, alpha), kind, threshold, by)
        print_verdicts((verdict,), (), as_json=as_json, alone=True)
        if by and not as_json:
            print_subgroups(verdict)
        raise SystemExit(_code(verdict.outcome == "proven"))
    if len(paths) > 1:
        raise BadInput(
            f"{len(paths)} paths, where one folder or two CSVs are judged",
            where="PATHS",
            remedy="edgemed judge OUT judges all artefacts of a compile at once",
        )
    from edgemed.stages.judging import judge_artefacts, lay_out, preview
    from edgemed.stages.self_test import self_test as test

    judged = Judged.at(paths[0])
    spec = with_margins(judged.recipe.judge, margins, alpha)
    bench = lay_out(judged.out / "original", {} if self_test else judged.artefacts)
    with ProgressBar(quiet=as_json) as bar:
        if self_test:
            role: Role = "accept" if accept else "select"
            job = judged.job(role, accept, base, spec, bar)
            tested = test(job, bench, judged.material(base), role, _command())
        else:
            job = judged.job("accept", accept, base, spec, bar)
            if dry_run:
                print_preview(judged.result, bench, preview(job, bench), spec, engine=engine, as_json=as_json)
                return
            verdicts, openings = judge_artefacts(job, bench, _command(), engine=engine)
    if self_test:
        print_self_test(tested, as_json=as_json)
        raise SystemExit(_code(tested.passed))
    print_verdicts(verdicts, openings, as_json=as_json, alone=judged.alone)
    raise SystemExit(_code(all(each.outcome == "proven" for each in verdicts)))


_GO_WITH = {
    "engine": ("artefacts",),
    "dry_run": ("artefacts",),
    "self_test": ("--self-test",),
    "accept": ("artefacts", "--self-test"),
    "base": ("artefacts", "--self-test"),
    "kind": ("two CSVs",),
    "threshold": ("two CSVs",),
    "by": ("two CSVs",),
}


def _check_options(context: click.Context, judged: str) -> None:
    """Raises `BadInput` for an option that would be passed over."""
    for name, uses in _GO_WITH.items():
        if judged not in uses and context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            flag = "--" + name.replace("_", "-")
            raise BadInput(
                f"{flag} goes with {' and '.join(uses)} only", where=flag, remedy=f"leave out {flag}"
            )


def _of_tables(
    paths: tuple[Path, ...], spec: JudgeSpec, kind: Kind | None, threshold: float, by: str | None
) -> Verdict:
    from edgemed.judge import judge_pairs
    from edgemed.stages.answer_tables import read_answers
    from edgemed.types import digest_of_file

    original, artefact = paths
    found = read_answers(
        original, artefact, kind=kind, threshold=threshold, by=() if by is None else by.split("+")
    )
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    verdict = judge_pairs((found.output,), found.pairs, spec, 0)
    return replace(
        verdict, id=artefact.stem, artefact=digest_of_file(artefact), original=digest_of_file(original)
    )


def _code(good: bool) -> int:
    return EXIT_DONE if good else EXIT_NOT_PROVEN


def _command() -> str:
    return shlex.join(["edgemed", *sys.argv[1:]])
