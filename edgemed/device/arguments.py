"""What the subcommands' options and messages have in common."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from typing import Any


def number(kind: Callable[[str], Any], least: float, most: float) -> Callable[[str], Any]:
    """The `type` of an option: `kind` of its text, refused where it is not from `least` to `most`."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not from {least:g} to {most:g}")
        return value

    return read


def tell(line: str) -> None:
    """A step, on standard error: standard output is the result's."""
    sys.stderr.write(f"{line}\n")
