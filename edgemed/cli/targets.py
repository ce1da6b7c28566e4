"""`edgemed targets`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgemed.cli.tables import print_table
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.targets import Target

_WIDTH = 80


@click.command(
    epilog="""\b
Examples:
  edgemed targets
  edgemed targets raspberry-pi-5
  edgemed targets --targets-path boards
  edgemed targets boards/ours.toml --json"""
)
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--targets-path", "paths", metavar="DIR", multiple=True, type=click.Path(path_type=Path),
    help="A folder of target files of your own (repeat for more).",
)  # fmt: skip
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: [{name, arch, backends, ..., misfits}, ...], one object with NAME.",
)  # fmt: skip
def targets(name: str | None, paths: tuple[Path, ...], as_json: bool) -> None:
    """List the devices that `compile --target` knows, or tell all about the one that is called NAME.

    NAME may be the path of a .toml file, which is checked. Packages add targets by an entry point of the
    group edgemed.targets whose value is the name of the package whose folder holds the files.
    """
    from edgemed.stages.machine import misfits_here
    from edgemed.targets import load_target, target_names

    if name is not None:
        target = _named(name, paths)
        runtimes = _runtimes(target)
        if as_json:
            click.echo(json.dumps({**target.to_dict(), "misfits": misfits_here(target)}))
        else:
            _explain(target, runtimes)
        return
    found = [load_target(each, paths=paths) for each in target_names(paths)]
    if as_json:
        click.echo(json.dumps([{**each.to_dict(), "misfits": misfits_here(each)} for each in found]))
        return
    rows = [
        [
            each.name,
            each.arch or "",
            ", ".join(each.backends),
            ", ".join(each.precisions),
            "no" if misfits_here(each) else "yes",
        ]
        for each in found
    ]
    print_table("", ["target", "arch", "runtimes", "precisions", "here"], rows, "lllll")
    click.echo("\nhere: this machine can stand for the target, so a compile's times decide;")
    click.echo("for the others those of edgemed-device tune, there. More: edgemed targets NAME")


def _named(name: str, paths: tuple[Path, ...]) -> Target:
    """The target; where there is none of that name, it is the argument that is wrong, here no option."""
    from edgemed.targets import load_target

    try:
        return load_target(name, paths=paths)
    except BadInput as error:
        if error.where != "--target":
            raise
        raise BadInput(error.problem, where="NAME", remedy=error.remedy) from None


def _runtimes(target: Target) -> list[str]:
    """Each backend, and what is missing of it here. Raises `BadInput` where there is none of that name."""
    from edgemed.backends import get_backend

    told = []
    for name in target.backends:
        try:
            found = get_backend(name).availability()
        except BadInput as error:
            where = f"backends of target {target.name}"
            raise BadInput(error.problem, where=where, remedy=error.remedy) from None
        told.append(name if found.available else f"{name} (not installed here: {found.remedy})")
    return told


def _explain(target: Target, runtimes: list[str]) -> None:
    from edgemed.stages.machine import misfits_here

    limits, wheel, engine = target.limits, target.wheel, target.tensorrt
    rows = [
        ("target", target.name),
        ("what", target.description),
        ("arch", target.arch or "the machine at hand"),
        ("board", target.board),
        ("has", ", ".join(target.instruction_sets)),
        ("has not", ", ".join(target.without)),
        ("runtimes", "\n".join(runtimes)),
        ("precisions", ", ".join(target.precisions)),
        (
            "latency",
            f"at most {limits.latency_ms:g} ms (p99; a lower percentile with few rounds)"
            if limits.latency_ms
            else "",
        ),
        ("memory", f"at most {limits.memory_mib:g} MiB" if limits.memory_mib else ""),
        ("Python", wheel.python),
        ("wheels", wheel.platform),
        ("packages", ", ".join(f"{name} {versions}" for name, versions in wheel.requires.items())),
    ]
    if engine is not None:
        built = "here, without a GPU" if engine.package == "tensorrt-rtx" else "on the device"
        rows += [
            ("engines", f"{engine.package} {engine.versions}, built {built}, up to opset {engine.opset}"),
            ("GPU", f"compute capability {', '.join(engine.compute_capabilities)}"),
            ("tactics", f"timed on the device {'once' if engine.timing_cache else 'by each build'}"),
        ]
    misfits = misfits_here(target)
    rows.append(("this machine", "\n".join(misfits) or "can stand for the target"))
    print_table("", ["", ""], [row for row in rows if row[1]], "ll")
    for title, text in (("install", target.install), ("not verified", target.unverified)):
        if text:
            click.echo(f"\n{title}:\n{textwrap.indent(text.strip(), '  ')}")
    if target.sources:
        click.echo("\nsources:")
        for source in target.sources:
            click.echo(textwrap.fill(source, _WIDTH, subsequent_indent="  ", break_on_hyphens=False))
