"""`edgemed-device run`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edgemed.device.arguments import tell
from edgemed.errors import EXIT_DONE, BadInput, printable

_EXAMPLES = """examples:
  edgemed-device run chest-xray-1.2.0.edgemed chest.png
  edgemed-device run OUT scan.h5 --json"""


def add_to(commands: Any) -> None:
    """`commands` is what `ArgumentParser.add_subparsers` gives."""
    parser = commands.add_parser(
        "run",
        help="answer one file",
        description="Verify the artefact, replay its golden cases, and answer one file.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "artefact", type=Path, metavar="ARTEFACT",
        help="a bundle, an artefact folder, or a tuned output folder, whose fastest artefact is taken",
    )  # fmt: skip
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is said of the answer, whichever artefact gives it."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="PNG, JPEG, TIFF, DICOM, NIfTI, NPY, NPZ or raw MR"
    )
    parser.add_argument(
        "--unsigned", action="store_true", help="take a bundle that nobody trusted signed, and log it"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from edgemed.device.answering import answer

    found = answer(_place(given.artefact), given.file, unsigned=given.unsigned)
    if given.as_json:
        sys.stdout.write(json.dumps(found.to_dict()) + "\n")
        return EXIT_DONE
    for name, each in found.outputs.items():
        sys.stdout.write(f"{name}: {printable(each['text'])}\n")
    for note in found.notes:
        tell(f"note: {note}")
    for stamp in found.stamps:
        tell(f"stamp: {printable(stamp)}")
    return EXIT_DONE


def _place(path: Path) -> Path:
    from edgemed.runtime import artefacts_below, fastest_here, is_artefact

    if not path.is_dir() or is_artefact(path):
        return path
    fastest = fastest_here(path)
    if fastest is None:
        such = "".join(f", or give one, such as {each}" for each in artefacts_below(path)[:1])
        raise BadInput(
            "which artefact is the fastest here is not known",
            where=str(path),
            remedy=f"edgemed-device tune {path}{such}",
        )
    return fastest
