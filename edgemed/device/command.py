"""`edgemed-device`: argparse, because a device has no click."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from edgemed import __version__
from edgemed.device import (
    build_engine_command,
    doctor_command,
    run_command,
    trust_command,
    tune_command,
    verify_command,
)
from edgemed.errors import EdgemedError, ToolFailure

_EPILOG = (
    "Exit codes: 0 done, 2 bad input, 3 no artefact keeps to the limits, 4 a tool or the machine failed, "
    "5 something is not what its manifest says, nobody trusted signed it, or an engine is refused, 130 "
    "interrupted. With --json an error other than wrong usage is {error: {problem, where, next}, exit_code} "
    "on standard output."
)


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says; gives the exit code. Every error of ours becomes a message."""
    parser = argparse.ArgumentParser(
        prog="edgemed-device", description="What is done with artefacts on the device itself.", epilog=_EPILOG
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    tune_command.add_to(commands)
    build_engine_command.add_to(commands)
    verify_command.add_to(commands)
    doctor_command.add_to(commands)
    run_command.add_to(commands)
    trust_command.add_to(commands)
    return _done(parser.parse_args(arguments))


def run_bundle(bundle: Path, arguments: Sequence[str], *, prog: str) -> int:
    """What the command of a model's own wheel does: `edgemed-device run`, of that bundle alone."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Verify the model's bundle, replay its golden cases, and answer one file.",
        epilog=_EPILOG,
    )
    run_command.add_options(parser)
    parser.set_defaults(artefact=bundle)
    return _done(parser.parse_args(arguments))


def _done(given: argparse.Namespace) -> int:
    try:
        code: int = given.run(given)
        return code
    except OSError as error:
        failure = ToolFailure(error.strerror or str(error), where=str(error.filename or ""))
        return _refused(failure, as_json=given.as_json)
    except EdgemedError as error:
        return _refused(error, as_json=given.as_json)


def _refused(error: EdgemedError, *, as_json: bool) -> int:
    if as_json:
        body = {"problem": error.problem, "where": error.where, "next": error.remedy}
        sys.stdout.write(json.dumps({"error": body, "exit_code": error.exit_code}) + "\n")
    sys.stderr.write(f"error: {error}\n")
    return error.exit_code
