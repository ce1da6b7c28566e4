"""`edgemed-device doctor`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edgemed.device.arguments import tell
from edgemed.errors import EXIT_DONE, EXIT_TOOL_FAILURE

_EXAMPLES = """examples:
  edgemed-device doctor
  edgemed-device doctor chest-xray-1.2.0.edgemed --json"""


def add_to(commands: Any) -> None:
    """`commands` is what `ArgumentParser.add_subparsers` gives."""
    parser = commands.add_parser(
        "doctor",
        help="which artefacts can run here, and why others cannot",
        description="Tell what this device is, which runtimes it has and whose bundles it takes. Artefacts "
        "are loaded and answer their golden cases. Exit code 4 where none of those given runs here.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="bundles, output folders or artefact folders"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from edgemed.device.doctor import diagnose, lines

    found = diagnose(given.paths, tell)
    sys.stdout.write(found.to_json() if given.as_json else "\n".join(lines(found)) + "\n")
    return EXIT_TOOL_FAILURE if found.artefacts and all(found.artefacts.values()) else EXIT_DONE
