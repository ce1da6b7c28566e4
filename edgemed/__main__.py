"""The command `edgemed`. The commands need the extra `compile`; the runtime does not."""

from __future__ import annotations

import io
import os
import sys
from importlib.util import find_spec

from edgemed.errors import EXIT_INTERRUPTED, EXIT_TOOL_FAILURE


def main() -> None:
    if sys.version_info < (3, 11):
        sys.stderr.write(
            "edgemed's commands need Python 3.11 or later; its runtime (edgemed.runtime) works on 3.10\n"
        )
        raise SystemExit(EXIT_TOOL_FAILURE)
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"edgemed's commands need {' and '.join(missing)}, not installed here; its runtime "
            "(edgemed.runtime) does not\n  next:  pip install 'edgemed[compile]'\n"
        )
        raise SystemExit(EXIT_TOOL_FAILURE)
    _replace_what_cannot_be_shown()
    try:
        from edgemed.cli import cli
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    cli()


def _replace_what_cannot_be_shown() -> None:
    """A `?` where the terminal's encoding lacks a character, here and in child processes."""
    if not os.environ.get("PYTHONIOENCODING"):
        os.environ["PYTHONIOENCODING"] = ":replace"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
