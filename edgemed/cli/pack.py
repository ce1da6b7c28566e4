"""`edgemed pack`."""

from __future__ import annotations

from pathlib import Path

import click

from edgemed.errors import BadInput


@click.command(
    epilog="""\b
Examples:
  edgemed pack out
  edgemed pack out --epoch 4 --key lab.key.pem -o chest-xray.edgemed"""
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", "bundle", type=click.Path(path_type=Path),
    help="The bundle.  [default: NAME-VERSION.edgemed]",
)  # fmt: skip
@click.option(
    "--epoch", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
    help="A device that has run this model's bundle of an epoch runs none of an earlier one.",
)  # fmt: skip
@click.option(
    "--key", type=click.Path(path_type=Path), help="Sign it with this secret key, see edgemed keygen."
)
@click.option("--dry-run", is_flag=True, help="Check the artefacts, print the manifest, and stop.")
@click.option("--force", is_flag=True, help="Write over a bundle that is there.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: {bundle, manifest_sha256, bytes, artefacts}."
)
def pack(
    out: Path, bundle: Path | None, epoch: int, key: Path | None, dry_run: bool, force: bool, as_json: bool
) -> None:
    """Pack what a compile kept into one file that devices verify.

    OUT is a compile's output folder. The same artefacts and epoch give the same bytes. FORMAT.md in
    edgemed/bundle tells the format.
    """
    import json
    import shlex

    from edgemed.bundle.reader import Bundle
    from edgemed.bundle.secret_key import SecretKey
    from edgemed.stages.packing import artefacts_in, bundle_manifest, pack_as

    secret = None if key is None else SecretKey.read(key)
    manifest = bundle_manifest(out, artefacts_in(out), epoch)
    path = bundle or Path(f"{manifest.name}-{manifest.version}.edgemed")
    if path.is_dir() or (path.exists() and not force):
        raise BadInput(f"{path} exists", where="--out", remedy="give another --out, or --force")
    if dry_run:
        click.echo(manifest.to_json(), nl=False)
        return
    pack_as(path, out, manifest, secret)
    found = Bundle.open(path)
    size = path.stat().st_size
    if as_json:
        artefacts = {name: each.to_dict() for name, each in manifest.artefacts.items()}
        click.echo(
            json.dumps(
                {
                    "bundle": str(path),
                    "manifest_sha256": found.digest,
                    "bytes": size,
                    "artefacts": artefacts,
                }
            )
        )
        return
    click.echo(f"made {path} ({size / 2**20:.2f} MiB, {', '.join(manifest.artefacts)})")
    for name, each in manifest.artefacts.items():
        for stamp in each.stamps:
            click.echo(f"stamp: {name}: {stamp}", err=True)
    if secret is None:
        click.echo(
            f"next: edgemed sign {shlex.quote(str(path))} --key KEY.pem    (devices refuse unsigned bundles)"
        )
    else:
        click.echo(f"signed by {secret.public.fingerprint}")
