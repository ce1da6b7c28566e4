"""`edgemed package`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  edgemed package chest-xray-1.2.0.edgemed -o wheels"""
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path(), help="Folder of the wheel.  [default: .]"
)
def package(bundle: Path, out: Path) -> None:
    """Put a bundle into a Python wheel that is named after the model.

    The device imports the model by its name, load() gives the runtime's Session, and a command of that name
    answers a file. The wheel asks pip for edgemed and for the very runtimes that were judged. The device
    verifies the bundle inside as any other.
    """
    from edgemed.bundle.reader import Bundle
    from edgemed.disk import disk_failure
    from edgemed.stages.wheel import module_name, write_wheel

    found = Bundle.open(bundle)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_failure(error, out) from None
    path = write_wheel(found, out)
    module = module_name(found.manifest.name)
    click.echo(f"made {path} ({path.stat().st_size / 2**20:.2f} MiB)")
    if found.signatures is None:
        click.echo("warning: devices refuse it, since its bundle is not signed: edgemed sign it", err=True)
    click.echo(f"next: pip install {path}, then  python -c 'import {module}; {module}.load()'")
