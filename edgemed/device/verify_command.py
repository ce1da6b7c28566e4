"""`edgemed-device verify`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edgemed.errors import EXIT_DONE

_EXAMPLES = """examples:
  edgemed-device verify chest-xray-1.2.0.edgemed
  edgemed-device verify chest-xray-1.2.0.edgemed --key lab.pub.pem --json"""


def add_to(commands: Any) -> None:
    """`commands` is what `ArgumentParser.add_subparsers` gives."""
    parser = commands.add_parser(
        "verify",
        help="compare every byte of a bundle, and tell whose it is",
        description="Exit code 5 where a byte is not what was packed, or no trusted key signed it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument(
        "--key", dest="keys", type=Path, action="append", default=[], metavar="PEM",
        help="a public key to trust instead of the trust store's; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", dest="as_json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from edgemed.device.verify import lines, verify

    found = verify(given.bundle, given.keys)
    sys.stdout.write(found.to_json() if given.as_json else "\n".join(lines(found)) + "\n")
    return EXIT_DONE
