"""`edgemed-device build-engine`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edgemed.errors import EXIT_DONE

_EXAMPLES = """examples:
  edgemed-device build-engine OUT/artefacts/tensorrt-int8
  edgemed-device build-engine OUT/artefacts/tensorrt-int8 --timeout-min 30 --json"""
_TIMEOUT_MIN = 20.0


def add_to(commands: Any) -> None:
    """`commands` is what `ArgumentParser.add_subparsers` gives."""
    parser = commands.add_parser(
        "build-engine",
        help="build a tensorrt artefact's engine with the TensorRT of this board",
        description="Build the engine, replay the golden cases on it, and keep it for this graph, TensorRT, "
        "GPU and driver where they agree: in $EDGEMED_ENGINE_CACHE, else in ~/.cache/edgemed/engines.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a tensorrt artefact")
    parser.add_argument(
        "--timeout-min", type=float, default=_TIMEOUT_MIN, metavar="MIN",
        help=f"a build that takes longer hangs (default: {_TIMEOUT_MIN:g})",
    )  # fmt: skip
    parser.add_argument(
        "--json", dest="as_json", action="store_true", help="print {engine, found, difference}"
    )
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from edgemed.device.build_engine import build_on_board

    sys.stderr.write(f"building the engine of {given.folder}; this takes minutes on a small board\n")
    built = build_on_board(given.folder, timeout_s=60.0 * given.timeout_min)
    if given.as_json:
        found = {"engine": str(built.folder), "found": built.found, "difference": built.difference}
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        how = "found from an earlier run" if built.found else "built"
        sys.stdout.write(
            f"engine     {built.folder}, {how}\n"
            f"golden     every case agrees; the largest difference is {built.difference:.2g}\n"
            f"try it     edgemed-device tune {given.folder.parent.parent}\n"
        )
    return EXIT_DONE
