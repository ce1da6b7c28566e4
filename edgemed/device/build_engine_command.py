"""`edgemed-device build-engine`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edgemed.device.arguments import number, tell
from edgemed.errors import EXIT_DONE

_EXAMPLES = """examples:
  edgemed-device build-engine chest-xray-1.2.0.edgemed
  edgemed-device build-engine OUT/artefacts/tensorrt-int8
  edgemed-device build-engine OUT/artefacts/tensorrt-int8 --timeout-min 30 --json"""
_TIMEOUT_MIN = 20.0
_SHORTEST_MIN, _LONGEST_MIN = 0.01, 24 * 60.0


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
    parser.add_argument(
        "artefact", type=Path, metavar="ARTEFACT",
        help="the folder of a tensorrt artefact, or a bundle with one such artefact",
    )  # fmt: skip
    parser.add_argument(
        "--timeout-min", type=number(float, _SHORTEST_MIN, _LONGEST_MIN), default=_TIMEOUT_MIN, metavar="MIN",
        help=f"a build that takes longer hangs (default: {_TIMEOUT_MIN:g})",
    )  # fmt: skip
    parser.add_argument(
        "--json",
        dest="as_json",
        action="store_true",
        help="print {engine, found, equivalent, cases, difference, notes}",
    )
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from edgemed.device.artefacts import the_one_of
    from edgemed.device.build_engine import BACKEND, build_on_board

    folder = the_one_of(given.artefact, BACKEND)
    built = build_on_board(folder, timeout_s=60.0 * given.timeout_min, tell=tell)
    if given.as_json:
        found = {
            "engine": str(built.folder),
            "found": built.found,
            "equivalent": True,
            "cases": built.cases,
            "difference": built.difference,
            "notes": list(built.notes),
        }
        sys.stdout.write(json.dumps(found) + "\n")
        return EXIT_DONE
    more = "" if given.artefact.is_file() else " --out tuned.json"
    for note in built.notes:
        sys.stdout.write(f"note       {note}\n")
    sys.stdout.write(
        f"engine     {built.folder}, {'found' if built.found else 'built'}\n"
        f"golden     equivalent on {built.cases} cases (largest difference {built.difference:.2g})\n"
        f"verdict    none by that: edgemed judge {folder} --engine gives one\n"
        f"try it     edgemed-device tune {given.artefact}{more}\n"
    )
    return EXIT_DONE
