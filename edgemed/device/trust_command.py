"""`edgemed-device trust`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edgemed.errors import EXIT_DONE, printable

_EXAMPLES = """examples:
  edgemed-device trust list
  edgemed-device trust add lab lab.pub.pem --model chest-xray
  edgemed-device trust revoke lab --why "the laptop was stolen"
  edgemed-device trust epoch chest-xray-1.2.0.edgemed
"""


def add_to(commands: Any) -> None:
    """`commands` is what `ArgumentParser.add_subparsers` gives."""
    parser = commands.add_parser(
        "trust",
        help="whose bundles this device runs",
        description="The trust store is $EDGEMED_TRUST, else /etc/edgemed/trust.json where it is there, else "
        "~/.config/edgemed/trust.json. Whoever can write it decides what runs here.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="print the trust store as JSON")
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(metavar="ACTION")
    listed = actions.add_parser("list", help="keys and epochs (the default)")
    listed.set_defaults(run=_list)
    added = actions.add_parser("add", help="trust a public key")
    added.add_argument("name")
    added.add_argument("key", type=Path, metavar="PEM")
    added.add_argument(
        "--model", dest="models", action="append", default=[], metavar="NAME",
        help="trust it for this model alone; may be repeated (default: for any)",
    )  # fmt: skip
    added.set_defaults(run=_add)
    revoked = actions.add_parser("revoke", help="never trust a key again")
    revoked.add_argument("name")
    revoked.add_argument("--why", default="", metavar="TEXT")
    revoked.set_defaults(run=_revoke)
    raised = actions.add_parser(
        "epoch",
        help="run no bundle of an earlier epoch",
        description="Verify a bundle, and run none of its model of an earlier epoch from now on. Whatever "
        "runs it does so too, where it may write the trust store.",
    )
    raised.add_argument("bundle", type=Path, metavar="BUNDLE")
    raised.set_defaults(run=_epoch)
    for action in (listed, added, revoked, raised):  # a default here would undo what stands before the action
        action.add_argument("--json", dest="as_json", action="store_true", default=argparse.SUPPRESS)


def _list(given: argparse.Namespace) -> int:
    from edgemed.bundle.public_key import PublicKey
    from edgemed.bundle.trust import TrustStore, trust_path

    path = trust_path()
    store = TrustStore.read(path)
    if given.as_json:
        sys.stdout.write(store.to_json())
        return EXIT_DONE
    told = [f"trust store {path}" + ("" if store.keys else ": no key yet, so no bundle runs")]
    for name, each in store.keys.items():
        scope = f" for {', '.join(each.models)}" if each.models else ""
        state = f"revoked: {each.revoked}" if each.revoked else f"trusted{scope}"
        told.append(f"{name}  {PublicKey(bytes.fromhex(each.key)).fingerprint}  {state}")
    told += [f"{model}: epoch {epoch} or later" for model, epoch in store.epochs.items()]
    sys.stdout.write("\n".join(map(printable, told)) + "\n")
    return EXIT_DONE


def _add(given: argparse.Namespace) -> int:
    from edgemed.bundle.public_key import PublicKey
    from edgemed.bundle.trust import TrustStore, trust_path

    key = PublicKey.read(given.key)
    TrustStore.edit(trust_path(), lambda store: store.with_key(given.name, key, given.models))
    return _list(given)


def _epoch(given: argparse.Namespace) -> int:
    from edgemed.bundle.reader import Bundle
    from edgemed.bundle.trust import TrustStore, trust_path

    bundle = Bundle.open(given.bundle)

    def raised(store: TrustStore) -> TrustStore:
        store.signer(bundle)
        return store.after(bundle)

    TrustStore.edit(trust_path(), raised)
    return _list(given)


def _revoke(given: argparse.Namespace) -> int:
    from edgemed.bundle.trust import TrustStore, trust_path

    TrustStore.edit(trust_path(), lambda store: store.revoked(given.name, given.why))
    return _list(given)
