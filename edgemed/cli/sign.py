"""`edgemed keygen` and `edgemed sign`."""

from __future__ import annotations

from pathlib import Path

import click

from edgemed.errors import BadInput


@click.command(
    epilog="""\b
Example:
  edgemed keygen -o lab"""
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True,
    help="NAME: makes NAME.key.pem, which stays here, and NAME.pub.pem, which devices get.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {secret, public, key}.")
def keygen(out: Path, as_json: bool) -> None:
    """Make a pair of Ed25519 keys to sign bundles with.

    Whoever has the secret key decides what devices run that trust it: keep it off them, and keep a copy.
    """
    import json
    import shlex

    from edgemed.bundle.entry_name import is_plain
    from edgemed.bundle.secret_key import SecretKey
    from edgemed.disk import disk_failure, write_whole

    if not out.name:
        raise BadInput("no name of a key", where="--out", remedy="edgemed keygen -o lab")
    secret_file, public_file = (out.with_name(f"{out.name}.{kind}.pem") for kind in ("key", "pub"))
    if public_file.exists():
        raise BadInput("a key is never written over", where=str(public_file), remedy="give another --out")
    secret = SecretKey.new()
    secret.write(secret_file)
    try:
        write_whole(public_file, secret.public.pem)
    except OSError as error:
        raise disk_failure(error, public_file) from None
    key = secret.public.fingerprint
    if as_json:
        click.echo(json.dumps({"secret": str(secret_file), "public": str(public_file), "key": key}))
        return
    click.echo(f"made {secret_file} (secret), {public_file}: key {key}")
    name = out.name if is_plain(out.name) else "lab"
    trust = shlex.join(["edgemed-device", "trust", "add", name, public_file.name])
    click.echo(f"on the device: {trust}")


@click.command(
    epilog="""\b
Example:
  edgemed sign chest-xray-1.2.0.edgemed --key lab.key.pem"""
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The secret key.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {bundle, key, signatures}.")
def sign(bundle: Path, key: Path, as_json: bool) -> None:
    """Sign a bundle, beside the signatures that it has.

    It is read whole first: nothing is signed that is not as it was packed.
    """
    import json

    from edgemed.bundle.secret_key import SecretKey
    from edgemed.bundle.signing import sign_bundle

    secret, bundle = SecretKey.read(key), bundle.resolve()
    count = len(sign_bundle(bundle, secret).signatures)
    signer = secret.public.fingerprint
    if as_json:
        click.echo(json.dumps({"bundle": str(bundle), "key": signer, "signatures": count}))
        return
    click.echo(f"{bundle} is signed by {signer} ({count} in all)")
