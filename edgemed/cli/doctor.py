"""`edgemed doctor`."""

from __future__ import annotations

import json

import click

from edgemed.cli.tables import print_table
from edgemed.cli.tools import TOOLS


@click.command(epilog="\b\nExamples:\n  edgemed doctor\n  edgemed doctor --json")
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: {host: {...}, tools: [{name, version, for, install}, ...]}.",
)  # fmt: skip
def doctor(as_json: bool) -> None:
    """Tell what is installed, what is missing and the command that installs it."""
    from edgemed.backends import backend_names, get_backend
    from edgemed.runtime import host_facts, instruction_sets, int8_sums_saturate

    host = host_facts()
    rows = []
    for name in backend_names():
        try:
            backend = get_backend(name)
        except (ImportError, AttributeError) as error:
            rows.append((f"runtime {name}", "", "", f"its entry point is broken: {error}"))
            continue
        found = backend.availability()
        use = ", ".join(backend.precisions(instruction_sets())) if found.available else ""
        cannot_run = backend.cannot_run(None) if found.available else ""
        if cannot_run:
            use += f"; builds, cannot run: {cannot_run}"
        rows.append((f"runtime {name}", found.version, use, found.remedy))
    for tool in TOOLS:
        version = _version(tool.name)
        rows.append((tool.name, version, tool.use, "" if version else tool.remedy))
    if as_json:
        keys = ("name", "version", "for", "install")
        click.echo(json.dumps({"host": host, "tools": [dict(zip(keys, row, strict=True)) for row in rows]}))
        return
    click.echo(f"{host['arch']}, {host['cpu']}, {host['cores']} cores; {host['instruction_sets']}")
    if int8_sums_saturate(host["arch"], instruction_sets()):
        click.echo("this CPU has no VNNI: int8 weights get 7 bits, so that sums cannot saturate")
    print_table(
        "",
        ["tool", "version", "for", "missing: install with"],
        [[r[0], r[1] or "-", r[2], r[3]] for r in rows],
        "llll",
    )


def _version(name: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
