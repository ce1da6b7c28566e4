"""`edgemed package`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from edgemed.cli.progress import ProgressBar
from edgemed.errors import BadInput
from edgemed.stages.device_python import GLIBC, PYTHONS, DevicePython

_PYTHON = "3.11"


@click.command(
    epilog="""\b
Examples:
  edgemed package chest-xray-1.2.0.edgemed -o wheels
  edgemed package chest-xray-1.2.0.edgemed --wheelhouse pi --for aarch64 --python 3.13
  pip install --no-index --find-links pi chest-xray      (on the device)"""
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of the wheel.  [default: .]")
@click.option(
    "--runtime", "runtimes", multiple=True,
    help="Ask pip for this runtime alone; may be repeated.  [default: those of all its artefacts]",
)  # fmt: skip
@click.option(
    "--wheelhouse", type=click.Path(path_type=Path),
    help="Instead of --out: a new folder of the wheel, edgemed's own, and all that they need.",
)  # fmt: skip
@click.option(
    "--for", "arch", type=click.Choice(list(GLIBC)),
    help="The processor that the wheelhouse is for, under Linux with glibc "
    + ", ".join(f"2.{minor} ({arch})" for arch, minor in GLIBC.items())
    + " or later.",
)  # fmt: skip
@click.option(
    "--python", "version", type=click.Choice(PYTHONS), help=f"The device's Python.  [default: {_PYTHON}]"
)
@click.option(
    "--extra", "extras", type=click.Choice(["images", "raw"]), multiple=True,
    help="Collect what reads such files too (PNG, DICOM, ...; raw MR); may be repeated.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check, print what pip will be asked for, and stop.")
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: {module, requires, install, files: {NAME: {size, sha256}}}; of a wheelhouse's dry run "
    "{module, requires, install, edgemed_requires}.",
)  # fmt: skip
def package(
    bundle: Path,
    out: Path | None,
    runtimes: tuple[str, ...],
    wheelhouse: Path | None,
    arch: str | None,
    version: str | None,
    extras: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put a bundle into a Python wheel that is named after the model.

    The device imports the model by its name, load() gives the runtime's Session, and a command of that name
    answers a file. The wheel asks pip for edgemed and for the very runtimes that were judged. The device
    verifies the bundle inside as any other.

    A wheelhouse makes a device do without an index: it has all that pip would fetch there. pip fetches it
    here (PIP_INDEX_URL and PIP_FIND_LINKS name other sources than its own).
    """
    from edgemed.bundle.reader import Bundle
    from edgemed.bundle.writer import entry_of
    from edgemed.stages.own_wheel import write_own_wheel
    from edgemed.stages.wheel import (
        module_name,
        project_name,
        requirements,
        runtimes_of,
        wheel_name,
        write_wheel,
    )
    from edgemed.stages.wheelhouse import check_is_free, collect, own_needs

    if wheelhouse is None and (arch or version or extras):
        raise BadInput(
            "--for, --python and --extra are of a wheelhouse", remedy="give --wheelhouse DIR, or none of them"
        )
    if wheelhouse is not None and (arch is None or out is not None):
        problem = "for which processor?" if arch is None else "a wheelhouse is a folder of its own"
        raise BadInput(
            problem, where="--wheelhouse", remedy="give --wheelhouse DIR --for ARCH, without --out"
        )
    found = Bundle.open(bundle)
    file, module = wheel_name(found.manifest), module_name(found.manifest.name)
    asked = runtimes_of(found.manifest, runtimes)
    requires = requirements(found.manifest, asked)
    folder = wheelhouse or out or Path()
    model, install = "", shlex.join(["pip", "install", str(folder / file)])
    device = None if arch is None else DevicePython(version or _PYTHON, arch)
    if wheelhouse is not None:
        check_is_free(wheelhouse)
        model = project_name(found.manifest.name) + (f"[{','.join(extras)}]" if extras else "")
        install = shlex.join(["pip", "install", "--no-index", "--find-links", str(folder), model])
    told = {"module": module, "requires": requires, "install": install}
    if dry_run:
        if device is not None:
            told["edgemed_requires"] = own_needs(extras, device)
        click.echo(json.dumps(told) if as_json else _planned(folder / file, told))
        return
    write = partial(write_wheel, found, runtimes=asked)
    if device is None:
        paths = [_in_folder(folder, write)]
    else:
        with ProgressBar(quiet=as_json) as bar:
            paths = collect(folder, model, device, [write, write_own_wheel], partial(bar.stage, "collect"))
    if as_json:
        click.echo(json.dumps({**told, "files": {path.name: entry_of(path).to_dict() for path in paths}}))
        return
    _tell(folder, paths)
    if found.signatures is None:
        click.echo("warning: devices refuse it, since its bundle is not signed: edgemed sign it", err=True)
    click.echo(f"next: {install}, then  {module} FILE, or  python -c 'import {module}; {module}.load()'")


def _planned(path: Path, told: Mapping[str, Sequence[str]]) -> str:
    lines = [f"would make {path}, which asks for", *told["requires"]]
    if through := told.get("edgemed_requires"):
        lines += [f"{each}  (through edgemed)" for each in through]
    return "\n  ".join(lines)


def _in_folder(folder: Path, write: Callable[[Path], Path]) -> Path:
    from edgemed.disk import disk_failure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_failure(error, folder) from None
    return write(folder)


def _tell(folder: Path, paths: list[Path]) -> None:
    sizes = {path: path.stat().st_size / 2**20 for path in paths}
    if len(paths) == 1:
        click.echo(f"made {paths[0]} ({sizes[paths[0]]:.2f} MiB)")
        return
    click.echo(f"made {folder}: {len(paths)} wheels, {sum(sizes.values()):.0f} MiB")
    for path, size in sizes.items():
        click.echo(f"  {size:6.2f} MiB  {path.name}")
