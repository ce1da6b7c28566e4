"""`edgemed-device tune`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgemed.device.arguments import number, tell
from edgemed.errors import EXIT_DONE, EXIT_NOT_PROVEN, BadInput
from edgemed.types.limits import Limits

_EXAMPLES = """examples:
  edgemed-device tune OUT
  edgemed-device tune chest-xray-1.2.0.edgemed
  edgemed-device tune OUT --latency-ms 50 --memory-mib 512
  edgemed-device tune onnxruntime-fp32 onnxruntime-int8 --out tuned.json"""
_LEAST_SECONDS = 0.05


def add_to(commands: Any) -> None:
    """`commands` is what `ArgumentParser.add_subparsers` gives."""
    parser = commands.add_parser(
        "tune",
        help="measure artefacts on this device and find the fastest",
        description="Check artefacts, time those that work here in turns, and write into tuned.json\n"
        "which is the fastest. No artefact is removed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER",
        help="a bundle, the output folder of a compile, in which artefacts/ lies, or artefact folders",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="default: tuned.json in the one FOLDER"
    )
    parser.add_argument("--launches", type=number(int, 1, 99), default=5, help="fresh processes (default: 5)")
    parser.add_argument(
        "--seconds", type=number(float, _LEAST_SECONDS, 3600.0), default=0.5,
        help="per artefact and launch (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--latency-ms", type=_limit("latency_ms"), metavar="MS",
        help="the most for one sample: p99; a lower percentile with few rounds",
    )  # fmt: skip
    parser.add_argument(
        "--memory-mib", type=_limit("memory_mib"), metavar="MIB", help="the most for loading and one answer"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="print tuned.json")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from edgemed.device.artefacts import find_artefacts, unbundled
    from edgemed.device.tune import tune
    from edgemed.device.tuned_file import check_place, write_tuned
    from edgemed.device.tuned_text import in_words

    places = unbundled(given.folders)
    folders = find_artefacts(places)
    out = _out(given.out, places)
    check_place(out)
    tuned = tune(
        {os.path.relpath(folder, out.parent): folder for folder in folders},
        launches=given.launches,
        seconds=given.seconds,
        limits=Limits(given.latency_ms, given.memory_mib),
        tell=tell,
    )
    write_tuned(tuned, out)
    sys.stdout.write(tuned.to_json() if given.as_json else f"{in_words(tuned)}\nwritten    {out}\n")
    return EXIT_NOT_PROVEN if tuned.best is None else EXIT_DONE


def _out(given: Path | None, folders: list[Path]) -> Path:
    from edgemed.runtime import TUNED_FILE, is_artefact

    if given is not None:
        return given
    if len(folders) == 1 and not is_artefact(folders[0]):
        return folders[0] / TUNED_FILE
    problem = "an artefact's own folder takes no other file" if len(folders) == 1 else "several folders"
    raise BadInput(problem, where="FOLDER", remedy="name a file: --out tuned.json")


def _limit(name: str) -> Callable[[str], float]:
    def limit(text: str) -> float:
        try:
            value = float(text)
            Limits(**{name: value})
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        except BadInput as error:
            raise argparse.ArgumentTypeError(f"{error.problem}; {error.remedy}") from None
        return value

    return limit
