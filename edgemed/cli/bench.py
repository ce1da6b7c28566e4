"""`edgemed bench`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from edgemed.cli.progress import ProgressBar
from edgemed.cli.tables import plain, print_table
from edgemed.errors import BadInput, Unavailable


@click.command(
    epilog="""\b
Examples:
  edgemed bench out
  edgemed bench out/artefacts/* --launches 9
  edgemed bench --suite --only cnn1d --only resnet18
  edgemed bench --suite --only resnet50 --width 0.5"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--launches", type=click.IntRange(1), default=5, show_default=True, help="Fresh processes.")
@click.option(
    "--seconds", type=click.FloatRange(0.05), default=2.0, show_default=True, help="Per artefact and launch."
)
@click.option("--threads", type=click.IntRange(1), help="Instead of the artefacts' own.")
@click.option("--suite", is_flag=True, help="Compile and time the reference architectures (speed only).")
@click.option(
    "--only", multiple=True, metavar="NAME", help="With --suite: this architecture (repeat for more)."
)
@click.option(
    "--width", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True,
    help="With --suite: compile nets with this share of the channels, against the whole ones.",
)  # fmt: skip
@click.option(
    "--samples",
    type=click.IntRange(2),
    default=32,
    show_default=True,
    help="With --suite: calibration samples.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default="suite-out", help="With --suite: work folder."
)
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: [{artefact, ratio, low, high, p50 ms, ...}, ...]; with --suite one entry for each net.",
)  # fmt: skip
@click.pass_context
def bench(
    context: click.Context,
    paths: tuple[Path, ...],
    launches: int,
    seconds: float,
    threads: int | None,
    suite: bool,
    only: tuple[str, ...],
    width: float,
    samples: int,
    out: Path,
    as_json: bool,
) -> None:
    """Time artefacts against the first, one sample at a time, in turns in the same process.

    PATHS are artefact folders, or one output folder of a compile (its original and all that it kept). `ratio`
    is the time over that of the first, below 1 is faster, of medians within a launch; shown are the median
    over launches and its 95 % interval.
    """
    _check_options(context, suite)
    with ProgressBar(quiet=as_json) as bar:
        if suite:
            from edgemed.suite.run import run_suite

            rows: list[dict[str, Any]] = run_suite(
                out,
                only,
                width=width,
                samples=samples,
                launches=launches,
                seconds=seconds,
                threads=threads or 1,
                reporter=bar,
            )
        else:
            folders = _folders(paths)
            _tell_whose_times(folders.values())
            rows = _time(folders, launches, seconds, threads, bar)
    if as_json:
        click.echo(json.dumps(rows))
    elif suite:
        from edgemed.suite.run import LEGEND, table

        print_table("edgemed's choice against each runtime by itself (speed only)", *table(rows))
        click.echo(LEGEND)
    else:
        _print_rows(rows)


_OF_THE_SUITE = {"only": "--only", "width": "--width", "samples": "--samples", "out": "--out"}


def _check_options(context: click.Context, suite: bool) -> None:
    """Raises `BadInput` for what would be passed over, `Unavailable` where the suite cannot compile."""
    if suite:
        from edgemed.cli.tools import require_tools

        if context.params["paths"]:
            raise BadInput("--suite builds what it times", where="PATHS", remedy="leave out --suite")
        require_tools()
        return
    for name, flag in _OF_THE_SUITE.items():
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise BadInput(f"{flag} goes with --suite only", where=flag, remedy=f"leave out {flag}")


def _folders(paths: tuple[Path, ...]) -> dict[str, Path]:
    from edgemed.cli.located import artefact_folder, read_compilation
    from edgemed.runtime import is_artefact

    if not paths:
        raise BadInput("nothing to time", where="PATHS", remedy="edgemed bench OUT, or edgemed bench --suite")
    if len(paths) == 1 and not is_artefact(paths[0]):
        result = read_compilation(paths[0])
        kept = [each for each in result.candidates if each.status == "kept"]
        here = [each for each in kept if not each.stand_in or _loads_here(each.id, paths[0] / each.path)]
        return {"original": paths[0] / "original", **{each.id: paths[0] / each.path for each in here}}
    return {str(path): artefact_folder(path) for path in paths}


def _loads_here(name: str, folder: Path) -> bool:
    """Tried, for what had no hardware where it was compiled: this may be the device."""
    from edgemed.child import run_in_child
    from edgemed.measure import LOAD_TIMEOUT_S, load_cost

    try:
        run_in_child(load_cost, folder, what=f"loading {name}", timeout_s=LOAD_TIMEOUT_S)
    except Unavailable as error:
        click.echo(f"{name} is left out: {error.problem}", err=True)
        return False
    return True


def _tell_whose_times(folders: Iterable[Path]) -> None:
    """A remark for each target that its compile did not measure: this machine may be one, or yet another."""
    from edgemed.runtime import read_manifest

    told = {(each.target, each.unmeasured): None for each in map(read_manifest, folders) if each.unmeasured}
    for target, reason in told:
        click.echo(
            "times are those of the machine at hand; the machine that compiled did not measure "
            f"{target} and said: {reason}",
            err=True,
        )


def _time(
    folders: dict[str, Path], launches: int, seconds: float, threads: int | None, bar: ProgressBar
) -> list[dict[str, Any]]:
    from edgemed.child import run_in_child
    from edgemed.judge import faster, percentiles
    from edgemed.measure import contest, load_cost

    bar.stage("bench", f"timing {len(folders)} artefacts in turns")
    latencies = contest(
        folders, launches=launches, seconds=seconds, threads=threads,
        on_launch=lambda done: bar.progress(done, launches),
    )  # fmt: skip
    baseline = next(iter(latencies.values()))
    rows = []
    for name, folder in folders.items():
        ratio = faster(baseline, latencies[name])
        shown = percentiles(latencies[name])
        cost = run_in_child(load_cost, folder, threads, what=f"loading {name}").value
        rows.append(
            {
                "artefact": name,
                "ratio": ratio.ratio,
                "low": ratio.low,
                "high": ratio.high,
                "p50 ms": shown.p50_ms,
                "p90 ms": shown.p90_ms,
                "p99 ms": shown.p99_ms,
                "load ms": cost.load_ms,
                "memory MiB": cost.memory_mib,
                "n": shown.n,
            }
        )
    return rows


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from edgemed.report.numerals import count, significant

    names = _short([row["artefact"] for row in rows])
    body = []
    for name, row in zip(names, rows, strict=True):
        figures = {key: plain(significant(value)) for key, value in row.items() if key != "artefact"}
        between = "-" if row["low"] is None else f"{figures['low']} to {figures['high']}"
        body.append([name, figures["ratio"], between, *(figures[key] for key in _COLUMNS)])
    head = ["artefact", "ratio", "95 %\ninterval", *(key.replace(" ", "\n") for key in _COLUMNS)]
    print_table("", head, body)
    click.echo(f"ratio: time over that of {names[0]}, below 1 is faster")
    click.echo(f"times for one sample, of {plain(count(min(row['n'] for row in rows)))} calls or more")


_COLUMNS = ("p50 ms", "p90 ms", "p99 ms", "load ms", "memory MiB")


def _short(paths: list[str]) -> list[str]:
    """Their last parts alone, where they lie in one folder."""
    return [Path(path).name for path in paths] if len({Path(path).parent for path in paths}) == 1 else paths
