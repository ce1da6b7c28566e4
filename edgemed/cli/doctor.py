"""`edgemed doctor`."""

from __future__ import annotations

import json

import click

from edgemed.cli.tables import print_table

_NEEDS = (
    ("torch", "models from .pt2 and file.py:factory", "pip install 'edgemed[compile]'"),
    ("onnx", "every compile", "pip install 'edgemed[compile]'"),
    ("onnxscript", "export from torch", "pip install 'edgemed[compile]'"),
    ("nncf", "int8", "pip install 'edgemed[compile]'"),
    ("scikit-learn", "figures", "pip install 'edgemed[compile]'"),
    ("pillow", "PNG, JPEG, TIFF", "pip install 'edgemed[images]'"),
    ("pydicom", "DICOM", "pip install 'edgemed[images]'"),
    ("nibabel", "NIfTI", "pip install 'edgemed[images]'"),
    ("nilearn", "the imageless-MR demo", "pip install 'edgemed[demo]'"),
)


@click.command(epilog="\b\nExample:\n  edgemed doctor\n  edgemed doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
        precisions = ", ".join(backend.precisions(instruction_sets())) if found.available else ""
        rows.append((f"runtime {name}", found.version, precisions, found.remedy))
    for name, use, remedy in _NEEDS:
        version = _version(name)
        rows.append((name, version, use, "" if version else remedy))
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
    )


def _version(name: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
