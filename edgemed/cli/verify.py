"""`edgemed verify`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="""\b
Examples:
  edgemed verify chest-xray-1.2.0.edgemed --key lab.pub.pem
  edgemed verify chest-xray-1.2.0.edgemed --json"""
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True,
    help="A public key to trust instead of this machine's trust store; may be repeated.",
)  # fmt: skip
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: {bundle, manifest_sha256, name, version, epoch, signed_by, artefacts}.",
)  # fmt: skip
def verify(bundle: Path, keys: tuple[Path, ...], as_json: bool) -> None:
    """Compare every byte of a bundle with its manifest, and tell whose it is.

    Exit code 5 where a byte is not what was packed, or no trusted key signed it; edgemed-device verify does
    the same on a device.
    """
    from edgemed.device.verify import lines
    from edgemed.device.verify import verify as verified

    found = verified(bundle, keys)
    click.echo(found.to_json() if as_json else "\n".join(lines(found)), nl=not as_json)
